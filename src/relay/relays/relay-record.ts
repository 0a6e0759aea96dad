import { messageOf } from '../../errors.js';
import { RecentCounts, type RecentFigures } from './recent-counts.js';
import { COUNTED, type RelayCounts } from './relay-counts.js';
import type { RelayDefinition } from './relay-definition.js';
import type { RelayMessage, RelayOutcome } from './relay-message.js';

/** So many characters of the words of somebody else have room in a report. */
export const LONGEST_WORDS = 500;

/** The last message that a broker has refused. */
export interface LastRefusal {
  /** How many milliseconds ago it was. */
  readonly msAgo: number;
  /** The words of the broker. */
  readonly reason: string;
  readonly eventId: string;
  readonly eventName: string;
  readonly position: number;
}

/** What a process says of one of its relays. It is stored as JSON in the row of the process. */
export interface RelayReport extends RecentFigures<(typeof COUNTED)[number]> {
  readonly name: string;
  readonly broker: string;
  readonly addresses: readonly string[];
  readonly eventNames: readonly string[];
  readonly lastRefusal: LastRefusal | null;
}

/** What became of the messages of one relay in this process. */
export class RelayRecord {
  private readonly recent = new RecentCounts(COUNTED);
  private refused: (Omit<LastRefusal, 'msAgo'> & { readonly at: number }) | undefined;

  constructor(private readonly relay: RelayDefinition) {}

  /** What a call to the broker came to, which took so many milliseconds. */
  sent(
    messages: readonly RelayMessage[],
    outcomes: readonly RelayOutcome[],
    counts: RelayCounts,
    ms: number,
  ): void {
    for (const name of COUNTED) this.recent.add(name, counts[name]);
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.is === 'refused') this.refusal(messages[i], outcome.error);
      if (outcome.is === 'accepted') this.recent.took(outcome.tookMs ?? ms);
    }
  }

  report(): RelayReport {
    const { broker, addresses = [], options } = this.relay;
    const { refused } = this;
    let lastRefusal: LastRefusal | null = null;
    if (refused !== undefined) {
      const { at, ...refusal } = refused;
      lastRefusal = { msAgo: performance.now() - at, ...refusal };
    }
    return {
      name: options.name,
      broker,
      addresses,
      eventNames: [options.eventName].flat(),
      ...this.recent.figures(),
      lastRefusal,
    };
  }

  private refusal(message: RelayMessage | undefined, error: unknown): void {
    if (message === undefined) return;
    const { outboxEventId: eventId, eventName, position } = message.event;
    this.refused = {
      at: performance.now(),
      reason: shortWords(error),
      eventId,
      eventName,
      position,
    };
  }
}

/** Words of somebody else, as many as a report has room for. */
export function shortWords(error: unknown): string {
  return messageOf(error).slice(0, LONGEST_WORDS);
}
