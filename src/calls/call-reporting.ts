import { currentFence } from '../context/integration-context.js';
import type { HostClient } from '../database/clients/host-client.js';
import type { PersistenceClient, SqlClient } from '../database/clients/sql-client.js';
import type { DomainEventPublisher } from '../outbox/domain-event-publisher.js';
import type { OutboxEventStore } from '../outbox/outbox-event.store.js';
import { choosePublishTarget } from '../outbox/publish-target.js';
import type { TransactionRunner } from '../outbox/transaction-runner.js';
import { isUuid, problemOfText } from '../words/text.js';
import type { CallStore, StoredCall } from './call.store.js';
import { tenantOfHandler } from './call-creation.js';
import {
  invalidCall,
  LONGEST_EXTERNAL_ID,
  LONGEST_SOURCE,
  LONGEST_TENANT,
  unknownCall,
} from './call-errors.js';
import type { CallMetrics } from './call-metrics.js';
import { CallTurn, type EventsOfCalls } from './call-turn.js';
import { dataOf, type Heard } from './heard.js';

/** Which call a report is about: by its own id, or by what the other system calls it. */
export type WhichCall =
  | { callId: string; type?: undefined; externalId?: undefined; tenantId?: string | undefined }
  | { callId?: undefined; type: string; externalId: string; tenantId?: string | undefined };

/** What became of a report. */
export interface ReportedCall {
  /**
   * - `applied`: it has changed the call.
   * - `kept`: it was late, repeated or contradicting. It is kept, and has changed nothing.
   * - `waiting`: no call has this external id yet. It is taken up when one gets it.
   */
  is: 'applied' | 'kept' | 'waiting';
  /** Null while it waits. */
  callId: string | null;
}

export interface ReportingParts {
  readonly host: HostClient;
  readonly store: CallStore;
  readonly log: OutboxEventStore;
  readonly publisher: DomainEventPublisher;
  readonly transactions: TransactionRunner;
  readonly metrics: CallMetrics;
}

/** A call by one of its names, checked. */
export type CheckedWhich =
  | { readonly callId: string; readonly tenantId: string | undefined }
  | { readonly type: string; readonly externalId: string; readonly tenantId: string };

type HeardOf = (type: string) => Promise<Heard>;

/** Takes what other systems say of calls, in the transaction of the caller. */
export class CallReporting {
  constructor(private readonly parts: ReportingParts) {}

  /** @param heardOf what is said of a call of this type, checked. The type may be known by the row alone. */
  async report(
    which: CheckedWhich,
    heardOf: HeardOf,
    source: string,
    persistenceClient: PersistenceClient | undefined,
  ): Promise<ReportedCall> {
    const { host, transactions } = this.parts;
    const options = persistenceClient === undefined ? undefined : { persistenceClient };
    const target = choosePublishTarget(options, host);
    if (target.kind !== 'own-statement')
      return this.take(which, heardOf, source, target.client, persistenceClient);
    return transactions.run((tx) => this.take(which, heardOf, source, host.within(tx), tx));
  }

  private async take(
    which: CheckedWhich,
    heardOf: HeardOf,
    source: string,
    client: SqlClient,
    persistenceClient: PersistenceClient | undefined,
  ): Promise<ReportedCall> {
    const { store, log, publisher, metrics } = this.parts;
    const fence = currentFence();
    if (fence !== undefined) await log.requireInRehearsal(client, fence);
    const call = await this.find(which, client);
    if (call === undefined) return this.keepWaiting(which, heardOf, source, client);
    const heard = await heardOf(call.type);
    const options = persistenceClient === undefined ? {} : { persistenceClient };
    const events: EventsOfCalls = {
      write: async (_, all) => {
        if (all.length > 0) await publisher.publishEvents([...all], options);
      },
    };
    const turn = new CallTurn({ store, events }, client, call);
    const wasOver = turn.hasEnded;
    const applied = await turn.hear(heard, source);
    if (applied && !wasOver) await turn.save(undefined);
    else await turn.keep();
    if (!applied) metrics.kept(call.type);
    else if (turn.hasEnded) metrics.ended(call.type, turn.status);
    return { is: applied ? 'applied' : 'kept', callId: call.id };
  }

  private async find(which: CheckedWhich, client: SqlClient): Promise<StoredCall | undefined> {
    const { store } = this.parts;
    if (!('callId' in which)) return store.lockNamed(client, which);
    const { callId, tenantId } = which;
    const call = await store.lock(client, callId);
    if (call === undefined || (tenantId !== undefined && call.tenantId !== tenantId))
      throw unknownCall(callId);
    return call;
  }

  private async keepWaiting(
    which: CheckedWhich,
    heardOf: HeardOf,
    source: string,
    client: SqlClient,
  ): Promise<ReportedCall> {
    if ('callId' in which) throw unknownCall(which.callId);
    const { type, externalId, tenantId } = which;
    const heard = await heardOf(type);
    const { phase } = heard;
    const report = {
      callId: null,
      type,
      externalId,
      tenantId,
      phase,
      data: dataOf(heard),
      source,
      applied: false,
    };
    await this.parts.store.write(client, [report]);
    this.parts.metrics.kept(type);
    return { is: 'waiting', callId: null };
  }
}

/**
 * @throws IntegrationError INTEGRATION_CALL_INVALID for what names no call
 */
export function checkWhich(which: WhichCall): CheckedWhich {
  const { callId, type, externalId, tenantId } = Object(which) as Partial<
    Record<'callId' | 'type' | 'externalId' | 'tenantId', unknown>
  >;
  const problem =
    tenantId === undefined || tenantId === '' ? undefined : problemOfText(tenantId, LONGEST_TENANT);
  if (problem !== undefined) throw invalidCall(`tenantId ${problem}`);
  const tenant = (tenantId as string | undefined) ?? tenantOfHandler();
  if (callId !== undefined) {
    if (!isUuid(callId)) throw invalidCall('callId must be the id of a call, which is a uuid');
    return { callId, tenantId: tenant };
  }
  if (typeof type !== 'string' || externalId === undefined)
    throw invalidCall('A report needs { callId } or { type, externalId } to say which call it is about');
  const wrong = problemOfText(externalId, LONGEST_EXTERNAL_ID);
  if (wrong !== undefined) throw invalidCall(`externalId ${wrong}`);
  return { type, externalId: externalId as string, tenantId: tenant ?? '' };
}

export function checkSource(source: unknown): string {
  if (source === undefined) return 'report';
  const problem = problemOfText(source, LONGEST_SOURCE);
  if (problem !== undefined) throw invalidCall(`source ${problem}`);
  return source as string;
}
