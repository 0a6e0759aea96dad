import { currentContext } from '../context/integration-context.js';
import { activeTrace } from '../context/trace-context.js';
import type { HostClient } from '../database/clients/host-client.js';
import type { PersistenceClient, SqlClient } from '../database/clients/sql-client.js';
import { UuidV7Generator } from '../events/uuid-v7.js';
import type { CalledBy, CreatedCall, NewExternalCall } from '../module/call-maker.js';
import type { DomainEventPublisher } from '../outbox/domain-event-publisher.js';
import { choosePublishTarget } from '../outbox/publish-target.js';
import type { TransactionRunner } from '../outbox/transaction-runner.js';
import { problemOfText } from '../words/text.js';
import type { CallMetadata, CallStore, NewCall } from './call.store.js';
import {
  invalidCall,
  LONGEST_GROUP,
  LONGEST_KEY,
  LONGEST_SUBJECT_ID,
  LONGEST_SUBJECT_TYPE,
  LONGEST_TENANT,
} from './call-errors.js';
import { callEvent } from './call-events.js';
import { problemOfDeadline } from './call-explorer.js';
import type { CallType } from './call-type.js';
import { fitting } from './call-updates.js';
import { targetIdOf } from './target-id.js';

export interface CreationParts {
  readonly host: HostClient;
  readonly store: CallStore;
  readonly publisher: DomainEventPublisher;
  readonly transactions: TransactionRunner;
}

const FIELDS = ['request', 'subject', 'tenantId', 'group', 'idempotencyKey', 'deadlineMs'];

/** Writes calls with their first event, in the transaction of the caller. */
export class CallCreation {
  private readonly ids = new UuidV7Generator();

  constructor(private readonly parts: CreationParts) {}

  async create(
    type: CallType,
    given: NewExternalCall,
    persistenceClient: PersistenceClient | undefined,
    by: CalledBy = {},
  ): Promise<CreatedCall> {
    refuseInvalid(given);
    const { host, transactions } = this.parts;
    const options = persistenceClient === undefined ? undefined : { persistenceClient };
    const target = choosePublishTarget(options, host);
    const call = await this.callFrom(type, given, by);
    if (target.kind !== 'own-statement') return this.write(call, target.client, persistenceClient);
    return transactions.run((tx) => this.write(call, host.within(tx), tx));
  }

  private async write(
    call: NewCall,
    client: SqlClient,
    persistenceClient: PersistenceClient | undefined,
  ): Promise<CreatedCall> {
    const { store, publisher } = this.parts;
    if (!(await store.create(client, call))) {
      const callId = await store.idOfKey(client, call);
      if (callId !== undefined) return { callId, isDuplicate: true };
      throw invalidCall(
        'There is a call of this idempotency key, but this transaction cannot see it: create calls in READ COMMITTED',
      );
    }
    const request = JSON.parse(call.request) as unknown;
    const event = callEvent(call, null, 'requested', { request });
    await publisher.publishEvent(event, persistenceClient === undefined ? undefined : { persistenceClient });
    return { callId: call.id, isDuplicate: false };
  }

  private async callFrom(type: CallType, given: NewExternalCall, by: CalledBy): Promise<NewCall> {
    const request = await fitting(given.request, type.request, 'request', `the call of type "${type.type}"`);
    const { subject, group = '', idempotencyKey = null, deadlineMs = type.deadlineMs } = given;
    const id = this.ids.next();
    const tenantId = given.tenantId ?? tenantOfHandler() ?? '';
    return {
      id,
      type: type.type,
      tenantId,
      group,
      target: targetIdOf(tenantId, type.type, group),
      subjectType: subject?.type ?? null,
      subjectId: subject?.id ?? null,
      request: JSON.stringify(request),
      idempotencyKey,
      deadlineMs,
      caller: by.caller ?? null,
      metadata: { ...metadataOf(id), ...by.metadata },
    };
  }
}

/** The tenant of the event that is handled. */
export function tenantOfHandler(): string | undefined {
  const tenantId = currentContext()?.handler?.event?.metadata.tenantId;
  return typeof tenantId === 'string' && tenantId !== '' ? tenantId : undefined;
}

/** What all events of the call inherit, also those that are written weeks later, outside of any handler. */
function metadataOf(callId: string): CallMetadata {
  const event = currentContext()?.handler?.event;
  const trace = activeTrace();
  const { correlationId, origin } = event?.metadata ?? {};
  return {
    correlationId: textOr(correlationId, event?.outboxEventId ?? callId),
    ...(event === undefined ? {} : { causationId: event.outboxEventId }),
    ...(typeof origin === 'string' ? { origin } : {}),
    ...(trace === undefined ? {} : { traceparent: trace.traceparent }),
  };
}

function textOr(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}

function refuseInvalid(given: NewExternalCall): void {
  const { subject, tenantId, group, idempotencyKey, deadlineMs } = Object(given) as Partial<NewExternalCall>;
  const text = (name: string, value: unknown, most: number) => {
    const problem = value === undefined || value === '' ? undefined : problemOfText(value, most);
    return problem === undefined ? [] : [`${name} ${problem}`];
  };
  const ends = subject === undefined ? [] : [subject.type, subject.id];
  const deadline = problemOfDeadline(deadlineMs);
  const unknown = Object.keys(Object(given)).filter((name) => !FIELDS.includes(name));
  const problems = [
    ...(typeof given === 'object' && given !== null ? [] : ['a call is an object with a request']),
    ...unknown.map((name) => `${JSON.stringify(name)} is no field of a call: it has ${FIELDS.join(', ')}`),
    ...text('tenantId', tenantId, LONGEST_TENANT),
    ...text('group', group, LONGEST_GROUP),
    ...(idempotencyKey === '' ? ['idempotencyKey must not be empty'] : []),
    ...text('idempotencyKey', idempotencyKey, LONGEST_KEY),
    ...(ends.includes('') || (ends.length > 0 && ends.includes(undefined as never))
      ? ['subject needs a type and an id']
      : []),
    ...text('subject.type', subject?.type, LONGEST_SUBJECT_TYPE),
    ...text('subject.id', subject?.id, LONGEST_SUBJECT_ID),
    ...(deadline === undefined ? [] : [deadline]),
  ];
  if (problems.length > 0) throw invalidCall(`The call cannot be made: ${problems.join('; ')}`, { problems });
}
