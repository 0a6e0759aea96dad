import { givenOptions, problemsOfRelay } from './option-checks.js';
import type { RelayDefinition } from './relay-definition.js';
import type { RelayMessage, RelayOutcome } from './relay-message.js';
import type { RelayOptions } from './relay-options.js';

export interface OwnRelayOptions extends RelayOptions {
  /**
   * Sends messages, and returns an outcome for each in their order. No two messages of a call belong to one
   * aggregate. `signal` is aborted after `timeoutMs`; what has no outcome then is sent again later. What is
   * thrown holds for all messages of the call.
   */
  readonly publish: (
    messages: RelayMessage[],
    context: { readonly signal: AbortSignal },
  ) => Promise<RelayOutcome[]>;
}

/** Users may copy a message, so it has its event as a property of its own. */
function plain({ event, cloudEvent, id, key, isTombstone }: RelayMessage): RelayMessage {
  return { event, cloudEvent, id, key, isTombstone };
}

/** Sends events in a way of the application's own. */
export function relay(options: OwnRelayOptions): RelayDefinition {
  const given = givenOptions(options);
  return {
    broker: 'own',
    options: given,
    problems: [
      ...problemsOfRelay(given, ['publish']),
      ...(typeof given.publish === 'function' ? [] : ['publish must be a function that sends messages']),
    ],
    open:
      async () =>
      async (messages, { signal }) =>
        given.publish(messages.map(plain), { signal }),
  };
}
