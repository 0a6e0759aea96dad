import { Injectable } from '@nestjs/common';
import { AUTHOR_FIELDS, type ChangeAuthor } from '../audit/change-author.js';
import { AdminDatabase } from '../database/admin-database.js';
import type { PersistenceClient } from '../database/clients/sql-client.js';
import type {
  CallClass,
  CalledBy,
  CallMaker,
  CreatedCall,
  NewExternalCall,
  RequestOf,
} from '../module/call-maker.js';
import { DomainEventPublisher } from '../outbox/domain-event-publisher.js';
import { OutboxEventStore } from '../outbox/outbox-event.store.js';
import { TransactionRunner } from '../outbox/transaction-runner.js';
import { checkChoice, checkNames, checkText, checkUuid, pageSizeOf } from '../words/argument-checks.js';
import { CallChanges } from './call-changes.js';
import { CallCreation, tenantOfHandler } from './call-creation.js';
import { LONGEST_SUBJECT_ID, LONGEST_TENANT, unknownCall } from './call-errors.js';
import { CallLookStore } from './call-look.store.js';
import {
  CallReporting,
  checkSource,
  checkWhich,
  type ReportedCall,
  type WhichCall,
} from './call-reporting.js';
import { saidFrom, withFittingResult } from './call-updates.js';
import { CallsEngine } from './calls-engine.js';
import { CallsStart } from './calls-start.js';
import {
  CALL_STATUSES,
  type CallCounts,
  type CallFilter,
  type CallPage,
  type CallPageRequest,
  type CallReport,
  type CallUpdate,
  type ExternalCall,
} from './external-call.js';

/** Where a call is written. */
export interface CallOptions {
  /** The client of the caller's open transaction. Without it, the call has a transaction of its own. */
  persistenceClient?: PersistenceClient | undefined;
}

export interface ReportOptions extends CallOptions {
  /** Who says it: `webhook.acme`, or a person. At most 127 characters. The default is `report`. */
  source?: string | undefined;
}

/** Who changes a call, and whose it must be. */
export interface ChangeCallOptions extends ChangeAuthor {
  /** The default is the tenant of the event that is handled. Outside of handlers, it is everybody's call. */
  tenantId?: string | undefined;
}

/**
 * Calls to other systems. Rejects with INTEGRATION_CALL_UNKNOWN for a call that is not there, or is another
 * tenant's.
 */
@Injectable()
export class ExternalCallsService implements CallMaker {
  constructor(
    private readonly calls: CallsEngine,
    private readonly start: CallsStart,
  ) {}

  /**
   * Writes a call, and `integration.call.<type>.requested`, in the caller's transaction. The other system
   * hears of it after the commit.
   *
   * @throws IntegrationError INTEGRATION_CALL_TYPE_UNKNOWN; INTEGRATION_CALL_INVALID for a request that does
   * not fit, and for other invalid fields; what publishing throws for a wrong client
   */
  async create<Class extends CallClass>(
    type: Class,
    call: NewExternalCall<RequestOf<Class>>,
    options?: CallOptions,
  ): Promise<CreatedCall>;
  async create(type: string, call: NewExternalCall, options?: CallOptions): Promise<CreatedCall>;
  async create(
    type: CallClass | string,
    call: NewExternalCall,
    { persistenceClient }: CallOptions = {},
  ): Promise<CreatedCall> {
    return this.creation.create(this.calls.typeOf(type), call, persistenceClient);
  }

  /**
   * The same for another part of the package, which says who calls.
   *
   * @internal
   */
  async makeCall(
    type: unknown,
    call: NewExternalCall,
    persistenceClient: PersistenceClient | undefined,
    by: CalledBy,
  ): Promise<CreatedCall> {
    return this.creation.create(this.calls.typeOf(type), call, persistenceClient, by);
  }

  /**
   * Says how far a call is. Every report is kept. One for an external id that no call has yet waits for it.
   *
   * @throws IntegrationError INTEGRATION_CALL_INVALID for an update or a result that does not fit;
   * INTEGRATION_CALL_TYPE_UNKNOWN; what publishing throws for a wrong client, or a forgotten one
   */
  async report(which: WhichCall, update: CallUpdate, options: ReportOptions = {}): Promise<ReportedCall> {
    const checked = checkWhich(which);
    const source = checkSource(options.source);
    const said = saidFrom(update, 'The report');
    const heardOf = (type: string) => withFittingResult(said, this.calls.typeOf(type).result, 'The report');
    if ('callId' in checked)
      return this.reporting.report(checked, heardOf, source, options.persistenceClient);
    const heard = { ...(await heardOf(checked.type)), externalId: checked.externalId };
    return this.reporting.report(checked, async () => heard, source, options.persistenceClient);
  }

  /** One call, with its request and its result. Undefined if it is not there. */
  async get(
    callId: string,
    { tenantId = tenantOfHandler() }: { tenantId?: string } = {},
  ): Promise<ExternalCall | undefined> {
    checkUuid('callId', callId);
    const found = await this.look.find(callId);
    return found === undefined || (tenantId !== undefined && found.tenantId !== tenantId) ? undefined : found;
  }

  /**
   * A page of calls, those made last first. Pages lose none and repeat none.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid filter or page
   */
  async list(filter: CallFilter = {}, page: CallPageRequest = {}): Promise<CallPage> {
    checkFilter(filter);
    checkNames('an option of a page', page, ['limit', 'after']);
    checkUuid('after', page.after);
    const { tenantId = tenantOfHandler() } = filter;
    return this.look.page({ ...filter, tenantId }, page.after, pageSizeOf(page.limit));
  }

  /** How many calls of each type stand how, of all tenants. */
  counts(): Promise<CallCounts> {
    return this.look.counts();
  }

  /** Everything that was heard of a call, in the order in which it came. At most 1,000 reports. */
  async timeline(
    callId: string,
    { tenantId = tenantOfHandler() }: { tenantId?: string } = {},
  ): Promise<CallReport[]> {
    await this.found(callId, tenantId);
    return this.look.reports(callId);
  }

  /**
   * Asks the other system now how far a call is.
   *
   * @throws IntegrationError INTEGRATION_CALL_STATE if it has ended
   */
  async check(callId: string, options: ChangeCallOptions = {}): Promise<void> {
    await this.change('check', callId, options);
  }

  /**
   * Starts a call that waits now. One that has failed is made again, as a new call with an idempotency key of
   * its own. Resolves to the id of the call that goes on.
   *
   * @throws IntegrationError INTEGRATION_CALL_STATE if it was taken, completed or canceled
   */
  retry(callId: string, options: ChangeCallOptions = {}): Promise<string> {
    return this.change('retry', callId, options);
  }

  /**
   * Cancels a call. If the other system may have taken it, it is told first, and the call is canceled then.
   *
   * @throws IntegrationError INTEGRATION_CALL_STATE if it has ended
   */
  async cancel(callId: string, options: ChangeCallOptions = {}): Promise<void> {
    await this.change('cancel', callId, options);
  }

  private async change(
    how: 'check' | 'retry' | 'cancel',
    callId: string,
    options: ChangeCallOptions,
  ): Promise<string> {
    checkUuid('callId', callId);
    checkNames('an option', options, [...AUTHOR_FIELDS, 'tenantId']);
    const { tenantId = tenantOfHandler(), ...author } = options;
    const { id, type, target } = await this.changes[how](callId, tenantId, author);
    this.start.wake(type, [target]);
    return id;
  }

  private async found(callId: string, tenantId: string | undefined): Promise<ExternalCall> {
    checkUuid('callId', callId);
    const found = await this.get(callId, tenantId === undefined ? {} : { tenantId });
    if (found === undefined) throw unknownCall(callId);
    return found;
  }

  private get creation(): CallCreation {
    const { host, store, engine } = this.calls;
    return new CallCreation({
      host,
      store,
      publisher: engine.get(DomainEventPublisher),
      transactions: engine.get(TransactionRunner),
    });
  }

  private get reporting(): CallReporting {
    const { host, store, engine, metrics } = this.calls;
    return new CallReporting({
      host,
      store,
      log: engine.get(OutboxEventStore),
      publisher: engine.get(DomainEventPublisher),
      transactions: engine.get(TransactionRunner),
      metrics,
    });
  }

  private get changes(): CallChanges {
    const { engine, events, metrics } = this.calls;
    return new CallChanges(engine.get(AdminDatabase), events, metrics);
  }

  private get look(): CallLookStore {
    return new CallLookStore(this.calls.engine.get(AdminDatabase));
  }
}

function checkFilter(filter: CallFilter): void {
  checkNames('a field of a filter', filter, [
    'type',
    'status',
    'tenantId',
    'group',
    'subject',
    'isOutcomeUnknown',
  ]);
  for (const field of ['type', 'tenantId', 'group'] as const) checkText(field, filter[field], LONGEST_TENANT);
  if (filter.status !== undefined) checkChoice('status', filter.status, CALL_STATUSES);
  if (filter.subject !== undefined) {
    checkNames('a field of a subject', filter.subject, ['type', 'id']);
    checkText('subject.type', filter.subject.type, LONGEST_TENANT);
    checkText('subject.id', filter.subject.id, LONGEST_SUBJECT_ID);
  }
  if (filter.isOutcomeUnknown !== undefined)
    checkChoice('isOutcomeUnknown', filter.isOutcomeUnknown, [true, false]);
}
