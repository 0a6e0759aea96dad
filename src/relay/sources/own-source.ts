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
    open: async () => ({
      pull: (max, signal) => given.pull(max, signal),
      ack: (messages) => given.ack(messages),
    }),
  };
}
