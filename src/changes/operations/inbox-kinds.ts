import { invalidArgument as invalid } from '../../words/argument-checks.js';
import { discardable, InboxAdminStore, type RowOperation, redrivable } from '../chosen/inbox-admin.store.js';
import { checkOperationFilter, type OperationFilter } from '../chosen/operation-filter.js';
import { checkReason, checkStatesOfMany, STATES_OF_MANY } from '../chosen/row-checks.js';
import type { AnyKindOfOperation, KindOfOperation, RequestOfKind } from './operation-kind.js';
import { OperationPlanStore } from './operation-plan.store.js';
import { verdictOfRows } from './operation-verdict.store.js';
import { WORDS_OF_REDRIVE } from './outlook.js';

type InboxKind = KindOfOperation<OperationFilter, RowOperation>;
type Request = RequestOfKind<OperationFilter>;

/** Chooses rows of the inbox by the filter of the operation. */
const choose: InboxKind['choose'] = async ({ db, session }, operation, most, after) => {
  const rows = new InboxAdminStore(db);
  const chosen = await rows.chooseForOperation(session, operation, most, after);
  return { last: chosen.last, change: (session) => rows.changeChosen(session, chosen) };
};

const redrive: InboxKind = {
  name: 'redrive',
  check(request) {
    checkOperationFilter(request.filter);
    if (request.maxEvents === undefined) requireChoice(request);
    if (request.states !== undefined)
      throw invalid(
        'states is only for the kind "discard": a redrive takes dead letters and events that failed for good',
        { field: 'states' },
      );
  },
  plan: (db, { filter, maxEvents }) =>
    new OperationPlanStore(db).count(filter, redrivable(db.tables.outboxEvent), maxEvents),
  choose,
  verdict: (db, { id }) => verdictOfRows(db, id),
  words: WORDS_OF_REDRIVE,
};

const discard: InboxKind = {
  name: 'discard',
  check(request) {
    const { filter, reason, states, stopAfter, stopAbovePercent } = request;
    checkOperationFilter(filter);
    requireChoice(request);
    // Somebody who only wants to know the counts need not say why yet.
    if (reason !== undefined) checkReason(filter, reason);
    checkStatesOfMany(states ?? []);
    if (states?.length === 0)
      throw invalid('states is empty: leave it out for all of them', { field: 'states' });
    if (stopAbovePercent !== undefined)
      throw invalid('stopAbovePercent is of a redrive: a discarded event cannot fail', {
        field: 'stopAbovePercent',
      });
    if (stopAfter !== undefined)
      throw invalid('stopAfter is of a redrive or a replay: a discarded event cannot fail', {
        field: 'stopAfter',
      });
  },
  plan: (db, { filter, states = STATES_OF_MANY, maxEvents }) =>
    new OperationPlanStore(db).count(filter, discardable(db.tables.outboxEvent, states), maxEvents),
  choose,
  verdict: (db, { id }) => verdictOfRows(db, id),
};

/** The kinds that change rows of the inbox. */
export const INBOX_KINDS: readonly AnyKindOfOperation[] = [redrive, discard];

function requireChoice({ filter }: Request): void {
  if (Object.values(filter).some((value) => value !== undefined)) return;
  throw invalid(
    'Say which events: a consumer, an event name, an aggregate, an error fingerprint, a time, or a position',
    {
      field: 'filter',
    },
  );
}
