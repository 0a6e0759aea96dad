import { AUTHOR_FIELDS, authorOf, type ChangeAuthor } from '../audit/change-author.js';
import { checkFilter } from '../inbox/filter-checks.js';
import type { InboxFilter } from '../inbox/inbox-record.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { checkNames, invalidArgument as invalid } from '../words/argument-checks.js';
import { type DiscardableState, InboxAdminStore, type OneEventFilter } from './chosen/inbox-admin.store.js';
import { checkReason, isOfOneEvent, STATES_OF_MANY } from './chosen/row-checks.js';
import { DiscardOneStore } from './discard-one.store.js';
import { untilNotHeld } from './until-not-held.js';

const STATES_OF_ONE: readonly DiscardableState[] = [...STATES_OF_MANY, 'unread', 'running'];

export interface DiscardOneOptions extends Omit<ChangeAuthor, 'reason'> {
  /** Discards the event only in one of these states. The default is all of them. */
  states?: readonly DiscardableState[] | undefined;
}

/** Lets admins send one event of one consumer again, or set it aside. */
export class OneEvent {
  constructor(
    private readonly rows: InboxAdminStore,
    private readonly single: DiscardOneStore,
    private readonly notifier: OutboxNotifier,
  ) {}

  /** See `ConsumerService.redriveOne`. */
  async redrive(event: InboxFilter, options: ChangeAuthor): Promise<boolean> {
    const filter = oneEvent(event);
    checkNames('an option of redriveOne', options, AUTHOR_FIELDS);
    const isRedriven = await this.rows.redriveOne(filter, authorOf(options));
    if (isRedriven) this.notifier.notify();
    return isRedriven;
  }

  /** See `ConsumerService.discardOne`. */
  async discard(event: InboxFilter, reason: string, options: DiscardOneOptions): Promise<boolean> {
    const filter = oneEvent(event);
    checkReason(filter, reason);
    checkNames('an option of discardOne', options, ['states', 'by', 'via', 'idempotencyKey']);
    const { states = STATES_OF_ONE, ...author } = options;
    return (
      (await untilNotHeld(filter, () =>
        this.single.discard(filter, states, authorOf({ ...author, reason })),
      )) > 0
    );
  }
}

function oneEvent(filter: InboxFilter): OneEventFilter {
  checkFilter(filter);
  if (isOfOneEvent(filter)) return filter;
  throw invalid('Name one event of one consumer: give consumerName, and position or outboxEventId', {
    field: filter.consumerName === undefined ? 'consumerName' : 'outboxEventId',
  });
}
