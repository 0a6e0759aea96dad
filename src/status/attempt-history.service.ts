import type { EngineDatabase } from '../database/engine-database.js';
import type { FailedAttempt, HandlerLine, Resolution } from '../inbox/failed-attempt.js';
import { InboxRecordStore } from '../inbox/inbox-record.store.js';
import { type AttemptFold, foldsOf, linesSentence } from './attempt-folds.js';
import { type ComparedAttempts, compared } from './compared-attempts.js';

/** An attempt that failed, without what its logger wrote: that may say what the payload says. */
export interface ShownAttempt extends Omit<FailedAttempt, 'lines' | 'linesLeftOut'> {
  /** How many lines of its logger are kept, as a sentence. Null if there are none. */
  linesSentence: string | null;
}

/** What is shown of the failures of an event at a consumer. */
export interface ShownHistory {
  /** The last ten attempts that failed, the oldest first. */
  attempts: ShownAttempt[];
  /** The same attempts, those that follow each other and are alike as one. */
  folds: AttemptFold[];
  resolution: Resolution | null;
  operationId: string | null;
}

/** The lines of one attempt. */
export interface ShownLines {
  attempt: number;
  at: string;
  /** Null if no line is kept. */
  sentence: string | null;
  lines: HandlerLine[];
}

/** Takes out of a line what the person who asks must not see. */
export type HideInLine = (text: string) => string;

/** The attempts of one event at one consumer, as the admin API, the commands and the page show them. */
export class AttemptHistoryService {
  private readonly rows: InboxRecordStore;

  constructor(db: EngineDatabase) {
    this.rows = new InboxRecordStore(db);
  }

  async historyOf(outboxEventId: string, consumerName: string): Promise<ShownHistory> {
    const found = await this.rows.historyOf(outboxEventId, consumerName);
    if (found === undefined) return { attempts: [], folds: [], resolution: null, operationId: null };
    return { ...found, attempts: found.attempts.map(shown), folds: foldsOf(found.attempts) };
  }

  async linesOf(outboxEventId: string, consumerName: string, hide: HideInLine): Promise<ShownLines[]> {
    const attempts = await this.attemptsOf(outboxEventId, consumerName, hide);
    return attempts.map((each) => ({
      attempt: each.attempt,
      at: each.at,
      sentence: linesSentence(each),
      lines: each.lines,
    }));
  }

  /**
   * Two attempts beside each other. They are given by their places in the history, of which the oldest is 1,
   * because numbers of attempts begin again after a redrive. Undefined if one of them is not kept.
   */
  async compare(
    outboxEventId: string,
    consumerName: string,
    places: readonly [number, number],
    hide: HideInLine,
  ): Promise<ComparedAttempts | undefined> {
    const attempts = await this.attemptsOf(outboxEventId, consumerName, hide);
    const [first, second] = places.map((place) => attempts[place - 1]);
    return first === undefined || second === undefined ? undefined : compared(first, second);
  }

  private async attemptsOf(
    outboxEventId: string,
    consumerName: string,
    hide: HideInLine,
  ): Promise<FailedAttempt[]> {
    const found = await this.rows.historyOf(outboxEventId, consumerName);
    return (found?.attempts ?? []).map((each) => ({
      ...each,
      lines: each.lines.map((line) => ({ ...line, text: hide(line.text) })),
    }));
  }
}

function shown(attempt: FailedAttempt): ShownAttempt {
  const { lines: _, linesLeftOut: __, ...rest } = attempt;
  return { ...rest, linesSentence: linesSentence(attempt) };
}
