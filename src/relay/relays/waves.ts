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
  const accepted: RelayMessage[] = [];
  const refused: { message: RelayMessage; outcome: NotAccepted }[] = [];
  /** Of these, a message was refused, so no later one is sent. */
  const blocked = new Set<string>();
  let unavailable: Waves['unavailable'];
  for (const all of wavesOf(messages)) {
    const wave = blocked.size === 0 ? all : all.filter(({ key }) => !blocked.has(key));
    if (wave.length === 0) break;
    const outcomes = await send(wave);
    for (const [i, message] of wave.entries()) {
      const outcome = outcomes[i] ?? without(i, outcomes.length);
      switch (outcome.is) {
        case 'accepted':
          accepted.push(message);
          break;
        case 'refused':
          refused.push({ message, outcome });
          blocked.add(message.key);
          break;
        case 'unavailable':
          unavailable ??= outcome;
      }
    }
    if (unavailable !== undefined) break;
  }
  const waiting = unavailable === undefined ? [] : firstsOfRest(messages, accepted, blocked);
  return { accepted, refused, waiting, unavailable };
}

/** The messages by their place in their aggregate: all first ones, then all second ones, and so on. */
function wavesOf(messages: readonly RelayMessage[]): RelayMessage[][] {
  const waves: RelayMessage[][] = [];
  const counts = new Map<string, number>();
  for (const message of messages) {
    const before = counts.get(message.key) ?? 0;
    counts.set(message.key, before + 1);
    const wave = waves[before];
    if (wave === undefined) waves.push([message]);
    else wave.push(message);
  }
  return waves;
}

/** In each aggregate that is not blocked, the first message that was not accepted. */
function firstsOfRest(
  messages: readonly RelayMessage[],
  accepted: readonly RelayMessage[],
  blocked: ReadonlySet<string>,
): RelayMessage[] {
  const done = new Set(accepted);
  const seen = new Set(blocked);
  return messages.filter((message) => !done.has(message) && !seen.has(message.key) && seen.add(message.key));
}

/** `publish` of a relay of the application may return too few outcomes. */
function without(index: number, given: number): RelayOutcome {
  return {
    is: 'refused',
    error: new Error(`publish returned ${given} outcomes, and none for message ${index + 1}`),
  };
}
