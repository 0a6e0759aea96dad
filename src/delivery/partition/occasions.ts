import type { ClaimedCursor, ReplayedRanges } from '../../inbox/inbox-cursor.store.js';
import type { ClaimedRow } from '../../inbox/inbox-event.store.js';
import type { LogEvent } from '../../log/log-event.js';

/** What an admin has done so that an event is delivered once more. The id differs each time. */
export interface SentAgain {
  readonly kind: 'redrive' | 'replay';
  readonly id: string;
}

/**
 * Why events are delivered: for the first time, or because an admin has sent them again. A row of the inbox
 * says it of its event. Of an event without such a row, the replays of ranges say it, which the cursor keeps.
 */
export class Occasions {
  private readonly registeredAt: number;
  private replays: readonly ReplayedRanges[];

  constructor({ registeredAt, replays }: Pick<ClaimedCursor, 'registeredAt' | 'replays'>) {
    this.registeredAt = registeredAt;
    this.replays = replays;
  }

  /** Called when a replay has put more back. */
  replaysAre(replays: readonly ReplayedRanges[]): void {
    this.replays = replays;
  }

  /** Undefined if nobody has sent the event again. */
  of(
    { position }: LogEvent,
    row: Pick<ClaimedRow, 'decision' | 'decidedAt'> | undefined,
  ): SentAgain | undefined {
    const { decision, decidedAt } = row ?? {};
    if ((decision === 'redrive' || decision === 'replay') && typeof decidedAt === 'string')
      return { kind: decision, id: decidedAt };
    const replay = this.replays.find(({ positions }) => positions.has(position));
    return replay && { kind: 'replay', id: replay.id };
  }

  /** Whether the event is younger than its consumer. */
  isTimely({ createdAt }: LogEvent): boolean {
    return createdAt >= this.registeredAt;
  }
}
