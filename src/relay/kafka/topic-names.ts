const TOPIC = /^[A-Za-z0-9._-]{1,249}$/;

export function problemOfTopic(topic: unknown): string | undefined {
  return typeof topic === 'string' && TOPIC.test(topic) && topic !== '.' && topic !== '..'
    ? undefined
    : 'must be the name of a topic: letters, digits, ".", "_" and "-", at most 249';
}
