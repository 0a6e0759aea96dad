import type { RelayMessage, RelayOutcome } from './relay-message.js';

/** Sends messages at once. Each belongs to another aggregate. */
type SendWave = (messages: readonly RelayMessage[]) => Promise<readonly RelayOutcome[]>;

export interface Waves {
  readonly accepted: readonly RelayMessage[];
  /** In each aggregate the first message that was not accepted. Its successors were not sent. */
  readonly refused: readonly { readonly message: RelayMessage; readonly outcome: NotAccepted }[];
  /**
   * In each aggregate that nobody refused, the first message that was not sent because the broker is away.
   */
  readonly waiting: readonly RelayMessage[];
  /** Why the broker is away. Undefined if it is there. */
  readonly unavailable: Extract<RelayOutcome, { is: 'unavailable' }> | undefined;
}

type NotAccepted = Extract<RelayOutcome, { is: 'refused' }>;

/**
 * Sends messages so that at most one of each aggregate is on its way. The first wave has the first message of
 * each aggregate, the second wave the second one, and so on. A message is sent only after its predecessor was
 * accepted, so no refusal lets a successor overtake. If the broker is away, no further wave is sent.
 */
export async function sendInWaves(messages: readonly RelayMessage[], send: SendWave): Promise<Waves> {
  const queues = queuesOf(messages);
  const accepted: RelayMessage[] = [];
  const refused: { message: RelayMessage; outcome: NotAccepted }[] = [];
  let unavailable: Waves['unavailable'];
  while (queues.size > 0 && unavailable === undefined) {
    const wave = [...queues.values()].flatMap(([first]) => first ?? []);
    const outcomes = await send(wave);
    for (const [i, message] of wave.entries()) {
      const outcome = outcomes[i] ?? without(i, outcomes.length);
      switch (outcome.is) {
        case 'accepted':
          accepted.push(message);
          takeFirst(queues, message.key);
          break;
        case 'refused':
          refused.push({ message, outcome });
          queues.delete(message.key);
          break;
        case 'unavailable':
          unavailable ??= outcome;
      }
    }
  }
  const waiting = [...queues.values()].flatMap(([first]) => first ?? []);
  return { accepted, refused, waiting, unavailable };
}

function queuesOf(messages: readonly RelayMessage[]): Map<string, RelayMessage[]> {
  const queues = new Map<string, RelayMessage[]>();
  for (const message of messages) {
    const queue = queues.get(message.key);
    if (queue === undefined) queues.set(message.key, [message]);
    else queue.push(message);
  }
  return queues;
}

function takeFirst(queues: Map<string, RelayMessage[]>, key: string): void {
  const queue = queues.get(key);
  queue?.shift();
  if (queue?.length === 0) queues.delete(key);
}

/** `publish` of a relay of the application may return too few outcomes. */
function without(index: number, given: number): RelayOutcome {
  return {
    is: 'refused',
    error: new Error(`publish returned ${given} outcomes, and none for message ${index + 1}`),
  };
}
