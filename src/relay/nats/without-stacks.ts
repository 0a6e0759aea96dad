/**
 * Calls a function whose errors have no stack if they are made before it returns. The client of NATS makes
 * two errors in each request, in case that it fails, and their stacks take a fifth of the time that a message
 * takes. They would lead to this call, and say nothing else. The limit is the same again when this returns,
 * so no other code is concerned. Where it cannot be changed, the stacks are made.
 */
export function withoutStacks<T>(run: () => T): T {
  const limit = Error.stackTraceLimit;
  Reflect.set(Error, 'stackTraceLimit', 0);
  try {
    return run();
  } finally {
    Reflect.set(Error, 'stackTraceLimit', limit);
  }
}
