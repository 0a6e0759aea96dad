import type { SourceDefinition, SourceOptions } from './source-definition.js';
import type { SourceClient, SourceMessage } from './source-message.js';
import { problemsOfSource } from './source-option-checks.js';

export interface OwnSourceOptions<Message extends SourceMessage = SourceMessage>
  extends SourceOptions<Message>,
    Pick<SourceClient<Message>, 'pull' | 'ack'> {}

/**
 * Takes in messages in a way of the application's own. `pull` resolves to messages that are not acknowledged,
 * and `ack` is called once they are stored.
 */
export function source<Message extends SourceMessage>(options: OwnSourceOptions<Message>): SourceDefinition {
  const given = Object(options) as OwnSourceOptions;
  return {
    broker: 'own',
    options: given,
    problems: [
      ...problemsOfSource(given, ['pull', 'ack']),
      ...(typeof given.pull === 'function' ? [] : ['pull must be a function that returns messages']),
      ...(typeof given.ack === 'function' ? [] : ['ack must be a function that acknowledges messages']),
    ],
    open: async () => clientOf(given),
  };
}

function clientOf({ pull, ack }: OwnSourceOptions): SourceClient {
  const pulled = new WeakMap<SourceMessage, SourceMessage>();
  return {
    pull: async (max, signal) => {
      const messages: unknown = await pull(max, signal);
      if (!Array.isArray(messages)) throw new TypeError('pull must resolve to a list of messages');
      return messages.map((message: SourceMessage) => {
        const whole = wholeMessage(message);
        pulled.set(whole, message);
        return whole;
      });
    },
    ack: (messages) => ack(messages.map((message) => pulled.get(message) ?? message)),
  };
}

/**
 * A source in JavaScript is not held to its types. A message without headers has none, a text is taken
 * for its bytes, and another body is none.
 */
function wholeMessage(given: SourceMessage): SourceMessage {
  const { headers, body } = Object(given) as { headers?: unknown; body?: unknown };
  const hasHeaders = typeof headers === 'object' && headers !== null;
  if (hasHeaders && (body === null || body instanceof Uint8Array)) return given;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body instanceof Uint8Array ? body : null;
  return { ...given, headers: hasHeaders ? (headers as SourceMessage['headers']) : {}, body: bytes };
}
