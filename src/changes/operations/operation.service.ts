import { Injectable } from '@nestjs/common';
import { AUTHOR_FIELDS, type Author, authorOf, type ChangeAuthor } from '../../audit/change-author.js';
import { AdminDatabase } from '../../database/admin-database.js';
import { unknownConsumer } from '../../status/unknown-consumer.js';
import {
  checkChoice,
  checkNames,
  checkText,
  checkUuid,
  invalidArgument as invalid,
  pageSizeOf,
} from '../../words/argument-checks.js';
import { pageOf } from '../../words/page-of.js';
import { givenFilterOf } from '../chosen/operation-filter.js';
import { checkReason, STATES_OF_MANY } from '../chosen/row-checks.js';
import {
  OPERATION_ORDERS,
  OPERATION_STATES,
  type Operation,
  type OperationPage,
  type OperationPageRequest,
  type OperationRequest,
  type OperationVerdict,
  type PartOperationRequest,
} from './operation.js';
import { type FoundOperation, OperationStore, type PlannedOperation } from './operation.store.js';
import {
  checkId,
  checkPlanHolds,
  checkRate,
  checkReasonOfRun,
  checkRequest,
  notCancellable,
  notPossible,
  unknownOperation,
} from './operation-checks.js';
import type { AnyKindOfOperation } from './operation-kind.js';
import { OperationKinds } from './operation-kinds.js';
import { OperationPlanStore, type PlannedEvents } from './operation-plan.store.js';
import { checkReplayRequest } from './operation-replay.js';
import { verdictOfRows } from './operation-verdict.store.js';
import { type OperationOutlook, outlookOf, WORDS_OF_REPLAY } from './outlook.js';

/**
 * Redrives, discards and replays of many events. They are stored, so they outlive the request and the
 * process: a plan counts and changes nothing, a run is worked off by one of the processes that run consumers,
 * and it can be cancelled at any time. A replay is worked off by an owner of its consumer.
 */
@Injectable()
export class OperationService {
  private readonly store: OperationStore;
  private readonly plans: OperationPlanStore;

  constructor(
    private readonly db: AdminDatabase,
    private readonly kinds: OperationKinds,
  ) {
    this.store = new OperationStore(db);
    this.plans = new OperationPlanStore(db);
  }

  /**
   * Counts what the operation would change, and stores it. It changes no event. Look at the counts, then call
   * `run` within ten minutes.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid request; INTEGRATION_ADMIN_TIMEOUT if
   * counting takes longer than five seconds
   */
  async plan(request: OperationRequest | PartOperationRequest): Promise<Operation> {
    return this.keep(request, await this.count(request));
  }

  /**
   * Plans an operation and starts it, for a caller who need not look at the counts first. It returns before
   * events have changed: see `get`. Without a process that runs consumers, the operation waits for one.
   *
   * @throws IntegrationError as `plan`; INTEGRATION_ADMIN_INVALID for a discard without a reason
   */
  async start(request: OperationRequest | PartOperationRequest): Promise<Operation> {
    if (request.kind === 'discard') checkReason(request.filter, request.reason ?? '');
    const found = await this.count(request);
    const planned = await this.keep(request, found);
    const { countedTo = null } = found;
    return (await this.begin({ ...planned, countedTo }, authorOf(request))) ?? this.get(planned.id);
  }

  /**
   * Counts what the operation would change, and stores nothing.
   *
   * @throws IntegrationError as `plan`
   */
  async count(request: OperationRequest | PartOperationRequest): Promise<PlannedEvents> {
    const given = ofAnyKind(request);
    checkRequest(given, ['redrive', 'discard', 'replay', ...this.kinds.names]);
    if (given.kind === 'replay') checkReplayRequest(given);
    else checkOfKind(this.kinds.require(given.kind), given);
    return this.found(given);
  }

  /**
   * Starts a planned operation. A process that runs consumers begins with it within a beat (two seconds). It
   * takes what was there when it was planned, and nothing that has failed or was written since. The reason is
   * kept with the operation and its events, unless the plan had one.
   *
   * @throws IntegrationError INTEGRATION_OPERATION_UNKNOWN; INTEGRATION_ADMIN_INVALID for a discard without a
   * reason; INTEGRATION_OPERATION_REFUSED if it is not planned any more, if its plan is older than ten
   * minutes, or if there are more events by a tenth by now
   */
  async run(id: string, author: ChangeAuthor = {}): Promise<Operation> {
    checkNames('an option of run', author, AUTHOR_FIELDS);
    const planned = await this.stored(id);
    checkReasonOfRun(planned, author);
    const { events } = await this.found(requestOf(planned));
    checkPlanHolds(planned, { ageMs: planned.ageMs, events });
    const begun = await this.begin(planned, authorOf(author));
    if (begun !== undefined) return begun;
    // Somebody else was faster.
    const current = await this.stored(id);
    checkPlanHolds(current, { ageMs: current.ageMs, events });
    return current;
  }

  /**
   * Stops it. A portion of at most 500 events that is under way is finished, and no other one follows. What
   * was changed stays changed.
   *
   * @throws IntegrationError INTEGRATION_OPERATION_UNKNOWN, or INTEGRATION_OPERATION_REFUSED if it has ended
   */
  async cancel(id: string, author: ChangeAuthor = {}): Promise<Operation> {
    checkNames('an option of cancel', author, AUTHOR_FIELDS);
    const operation = await this.stored(id);
    const cancelled = await this.store.cancel(operation, authorOf(author));
    if (cancelled === undefined) throw notCancellable(await this.stored(id));
    return cancelled;
  }

  /**
   * Returns one operation and how far it has come.
   *
   * @throws IntegrationError INTEGRATION_OPERATION_UNKNOWN
   */
  async get(id: string): Promise<Operation> {
    const { ageMs: _, countedTo: __, ...operation } = await this.stored(id);
    return operation;
  }

  /**
   * Holds an operation until `resume`. Nothing is sent after its answer. What was sent is delivered.
   *
   * @throws IntegrationError INTEGRATION_OPERATION_UNKNOWN, or INTEGRATION_OPERATION_REFUSED if it does not
   * run
   */
  async pause(id: string, author: ChangeAuthor = {}): Promise<Operation> {
    checkNames('an option of pause', author, AUTHOR_FIELDS);
    const paused = await this.store.pause(await this.stored(id), authorOf(author));
    if (paused === undefined) throw notPossible(await this.stored(id), 'pause');
    return paused;
  }

  /**
   * Goes on with an operation that is paused, from where it was.
   *
   * @throws IntegrationError INTEGRATION_OPERATION_UNKNOWN, or INTEGRATION_OPERATION_REFUSED if it is not
   * paused
   */
  async resume(id: string, author: ChangeAuthor = {}): Promise<Operation> {
    checkNames('an option of resume', author, AUTHOR_FIELDS);
    const resumed = await this.store.resume(await this.stored(id), authorOf(author));
    if (resumed === undefined) throw notPossible(await this.stored(id), 'resume');
    return resumed;
  }

  /**
   * Changes how many events a second it sends, also while it runs. Null is no limit. It holds from the next
   * portion on, which is a second later at most.
   *
   * @throws IntegrationError INTEGRATION_OPERATION_UNKNOWN, INTEGRATION_ADMIN_INVALID, or
   * INTEGRATION_OPERATION_REFUSED if it has ended
   */
  async changeRate(id: string, rate: number | null, author: ChangeAuthor = {}): Promise<Operation> {
    checkNames('an option of changeRate', author, AUTHOR_FIELDS);
    if (rate !== null) checkRate(rate);
    const changed = await this.store.changeRate(await this.stored(id), rate, authorOf(author));
    if (changed === undefined) throw notPossible(await this.stored(id), 'rate');
    return changed;
  }

  /** Returns what became of the events of an operation so far: the verdict of a canary. */
  async verdict(id: string): Promise<OperationVerdict> {
    const operation = await this.stored(id);
    if (operation.kind === 'replay') return verdictOfRows(this.db, id);
    return (await this.kinds.require(operation.kind).verdict?.(this.db, operation)) ?? NOTHING_KNOWN;
  }

  /** Says what an operation has come to, and how long it still takes. */
  outlook(operation: Operation, verdict: OperationVerdict): OperationOutlook {
    const { kind } = operation;
    return outlookOf(
      operation,
      verdict,
      kind === 'replay' ? WORDS_OF_REPLAY : this.kinds.require(kind).words,
    );
  }

  /**
   * Returns a page of operations, the latest first.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid page
   */
  async list(page: OperationPageRequest = {}): Promise<OperationPage> {
    checkNames('an option of a page', page, ['state', 'kind', 'consumerName', 'order', 'limit', 'after']);
    if (page.state !== undefined) checkChoice('state', page.state, OPERATION_STATES);
    if (page.order !== undefined) checkChoice('order', page.order, OPERATION_ORDERS);
    checkText('kind', page.kind);
    checkText('consumerName', page.consumerName);
    checkUuid('after', page.after);
    const limit = pageSizeOf(page.limit);
    const { rows: operations, next } = pageOf(await this.store.list(page, limit + 1), limit, ({ id }) => id);
    return { operations, next };
  }

  private keep(request: OperationRequest | PartOperationRequest, found: PlannedEvents): Promise<Operation> {
    const given = ofAnyKind(request);
    const states = given.kind === 'discard' ? (given.states ?? STATES_OF_MANY) : undefined;
    return this.store.plan({ ...given, states }, found, authorOf(given));
  }

  private begin(planned: PlannedOperation, author: Author): Promise<Operation | undefined> {
    return planned.kind === 'replay'
      ? this.store.beginReplay(planned, author)
      : this.store.begin(planned, author);
  }

  private async found(request: OperationRequest): Promise<PlannedEvents> {
    if (request.kind !== 'replay') return this.kinds.require(request.kind).plan(this.db, request);
    const { consumerName = '' } = request.filter;
    const found = await this.plans.countReplay(consumerName, request.filter, request.maxEvents);
    if (found === undefined) throw unknownConsumer(consumerName, this.db);
    return found;
  }

  private async stored(id: string): Promise<FoundOperation> {
    checkId(id);
    const operation = await this.store.find(id);
    if (operation === undefined) throw unknownOperation(id);
    return operation;
  }
}

/** Each kind reads its own filter, and nobody else does. */
function ofAnyKind(request: OperationRequest | PartOperationRequest): OperationRequest {
  return request as OperationRequest;
}

function checkOfKind(kind: AnyKindOfOperation, request: OperationRequest): void {
  const field = (['stopAfter', 'stopAbovePercent'] as const).find((name) => request[name] !== undefined);
  if (field !== undefined && kind.verdict === undefined)
    throw invalid(`${field} is not for the kind "${kind.name}", which does not know what fails`, { field });
  kind.check(request);
}

const NOTHING_KNOWN: OperationVerdict = {
  succeeded: 0,
  failedTheSameWay: 0,
  failedOtherwise: 0,
  pending: 0,
  isPartial: false,
};

function requestOf({ kind, filter, states, maxEvents }: Operation): OperationRequest {
  return {
    kind,
    filter: givenFilterOf(filter),
    states: states ?? undefined,
    maxEvents: maxEvents ?? undefined,
  };
}
