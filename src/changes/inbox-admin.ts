import { AUTHOR_FIELDS, type Author, authorOf, type ChangeAuthor } from '../audit/change-author.js';
import { checkFilter } from '../inbox/filter-checks.js';
import type { InboxFilter } from '../inbox/inbox-record.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { checkCount, checkNames } from '../words/argument-checks.js';
import { checkReason, checkStatesOfMany, isOfOneEvent } from './admin-checks.js';
import { DiscardOneStore, type OneEventFilter } from './discard-one.store.js';
import {
  type ChangedRows,
  type DiscardableState,
  InboxAdminStore,
  type RowPlace,
} from './inbox-admin.store.js';
import { untilNotHeld } from './until-not-held.js';

/** The default number of dead letters that one `redrive` sends. */
const REDRIVE_LIMIT = 100;
/**
 * Number of rows in one portion. It must be small compared with the rows that a consumer has in one status.
 * Otherwise the planner chooses to read and sort all of them.
 */
const CHANGED_AT_ONCE = 500;
export const STATES_OF_MANY: readonly DiscardableState[] = ['dead_letter', 'failed', 'waiting', 'delayed'];
const STATES_OF_ONE: readonly DiscardableState[] = [...STATES_OF_MANY, 'unread', 'running'];

export interface DiscardOptions extends Omit<ChangeAuthor, 'reason'> {
  /**
   * Chooses events by what they wait for. The default is all. `unread` and `running` are only for one event
   * of one consumer, so the filter must name both.
   */
  states?: readonly DiscardableState[] | undefined;
  /** The largest number of events, the oldest first. The default is all that match. */
  limit?: number | undefined;
}

export interface RedriveOptions extends ChangeAuthor {
  /** The largest number of events, the oldest first. The default is 100. */
  limit?: number | undefined;
}

/** Lets admins send events of the inbox again, or set them aside. */
export class InboxAdmin {
  constructor(
    private readonly rows: InboxAdminStore,
    private readonly single: DiscardOneStore,
    private readonly notifier: OutboxNotifier,
  ) {}

  /** See `ConsumerService.redrive`. */
  async redrive(filter: InboxFilter, options: RedriveOptions): Promise<number> {
    checkFilter(filter);
    checkNames('an option of redrive', options, ['limit', ...AUTHOR_FIELDS]);
    const author = authorOf(options);
    const limit = checkCount('limit', options.limit ?? REDRIVE_LIMIT);
    const redriven = await inPortions(limit, (some, after) => this.rows.redrive(filter, some, after, author));
    if (redriven > 0) this.notifier.notify();
    return redriven;
  }

  /** See `ConsumerService.discard`. */
  async discard(filter: InboxFilter, reason: string, options: DiscardOptions): Promise<number> {
    checkFilter(filter);
    checkReason(filter, reason);
    checkNames('an option of discard', options, ['states', 'limit', 'by', 'via', 'idempotencyKey']);
    const author = authorOf({ ...options, reason });
    const limit = options.limit === undefined ? Number.POSITIVE_INFINITY : checkCount('limit', options.limit);
    if (options.states?.length === 0) return 0;
    if (isOfOneEvent(filter)) return this.discardOne(filter, options.states ?? STATES_OF_ONE, author);
    const states = options.states ?? STATES_OF_MANY;
    checkStatesOfMany(states);
    return inPortions(limit, (some, after) => this.rows.discard(filter, states, some, after, author));
  }

  private discardOne(
    filter: OneEventFilter,
    states: readonly DiscardableState[],
    author: Author,
  ): Promise<number> {
    return untilNotHeld(filter, () => this.single.discard(filter, states, author));
  }
}

/**
 * Runs small transactions until `limit` rows have changed or there are no more. Resolves to the number of
 * changed rows.
 */
async function inPortions(
  limit: number,
  change: (some: number, after: RowPlace | undefined) => Promise<ChangedRows>,
): Promise<number> {
  let total = 0;
  let after: RowPlace | undefined;
  do {
    const { changed, last } = await change(Math.min(limit - total, CHANGED_AT_ONCE), after);
    total += changed;
    after = last;
  } while (after !== undefined && total < limit);
  return total;
}
