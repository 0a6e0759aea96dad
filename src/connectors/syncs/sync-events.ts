import { createHash } from 'node:crypto';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type AnyEventContract, defineEvent } from '../../contracts/event-contract.js';
import type { EventSchema, JsonSchema } from '../../contracts/schemas/event-schema.js';
import { jsonSchemaOf } from '../../contracts/standard-json-schema.js';
import type { DomainEventInput } from '../../events/domain-event.js';
import { labelOf, metadataOfTenant } from '../connections/connection.js';
import type { FoundConnector } from '../definition/connector.js';
import type { FoundSync, SyncKind } from '../definition/sync.js';
import type { RunCounts, Stream, SyncRunError } from './stream.js';

const SOURCE_MODULE = 'connectors';
const LONGEST_AGGREGATE_ID = 255;

export type RecordChange = 'created' | 'updated' | 'deleted';

/** The payload of `<connector>.<model>.created`, `.updated` and `.deleted`. */
export interface SyncRecordEvent<Rec = unknown> {
  readonly connectionId: string;
  readonly sync: string;
  readonly partition: string;
  /** The id of the record at the other system. */
  readonly externalId: string;
  /** Absent in events that are thin, and where the record is deleted. */
  readonly record?: Rec;
}

/** The payload of `integration.sync.started`, `.completed` and `.failed`. */
export interface SyncRunEvent extends RunCounts {
  readonly streamId: string;
  readonly runId: string;
  readonly connectionId: string;
  readonly connector: string;
  readonly sync: string;
  readonly partition: string;
  readonly kind: SyncKind;
  /** Null unless the run has failed. */
  readonly error: SyncRunError | null;
}

/** `hris.employee.updated` */
export function recordEventName(connector: string, model: string, change: RecordChange): string {
  return `${connector}.${model}.${change}`;
}

/** The event of a change of one record. All events of the record have the same aggregate. */
export function recordEvent(
  stream: Stream,
  sync: FoundSync,
  change: RecordChange,
  externalId: string,
  record?: unknown,
): DomainEventInput {
  const { connectionId, connector, partition, tenantId } = stream;
  const payload: SyncRecordEvent = {
    connectionId,
    sync: sync.key,
    partition,
    externalId,
    ...(sync.events === 'thin' || change === 'deleted' ? {} : { record }),
  };
  return {
    eventName: recordEventName(connector, sync.model.name, change),
    sourceModule: SOURCE_MODULE,
    aggregateType: `${connector}.${sync.model.name}`,
    aggregateId: aggregateIdOf(stream, externalId),
    payload,
    metadata: { ...metadataOfTenant(tenantId), origin: labelOf({ id: connectionId }) },
  };
}

/** Two connections, and two partitions, may have records with the same id. */
function aggregateIdOf({ connectionId, partition }: Stream, externalId: string): string {
  const rest = partition === '' ? externalId : `${partition}/${externalId}`;
  const whole = `${connectionId}/${rest}`;
  if ([...whole].length <= LONGEST_AGGREGATE_ID) return whole;
  return `${connectionId}/${createHash('sha256').update(rest).digest('hex')}`;
}

/** The event of a run. */
export function runEvent(
  stream: Stream,
  step: 'started' | 'completed' | 'failed',
  run: RunCounts & { readonly id: string; readonly kind: SyncKind },
  error: SyncRunError | null,
): DomainEventInput {
  const { id: streamId, connectionId, connector, sync, partition, tenantId } = stream;
  const { pages, records, added, updated, deleted, unchanged, problems } = run;
  const payload: SyncRunEvent = {
    streamId,
    runId: run.id,
    connectionId,
    connector,
    sync,
    partition,
    kind: run.kind,
    pages,
    records,
    added,
    updated,
    deleted,
    unchanged,
    problems,
    error,
  };
  return {
    eventName: `integration.sync.${step}`,
    sourceModule: SOURCE_MODULE,
    aggregateType: 'sync_stream',
    aggregateId: streamId,
    payload,
    metadata: metadataOfTenant(tenantId),
  };
}

const TEXT = { type: 'string' };
const COUNT = { type: 'integer', minimum: 0 };
const UUID = { type: 'string', format: 'uuid' };

/** A schema that only describes, because the engine itself makes these payloads. It needs no library. */
function described<T>(properties: Readonly<Record<string, object>>): EventSchema<T> {
  const schema: JsonSchema = { type: 'object', properties, required: Object.keys(properties) };
  const standard: StandardSchemaV1.Props<T, T> & { readonly jsonSchema: object } = {
    version: 1,
    vendor: 'nestjs-integration',
    validate: (value) => ({ value: value as T }),
    jsonSchema: { input: () => schema, output: () => schema },
  };
  return { '~standard': standard };
}

const RUN = {
  streamId: UUID,
  runId: UUID,
  connectionId: UUID,
  connector: TEXT,
  sync: TEXT,
  partition: TEXT,
  kind: { type: 'string', enum: ['full', 'delta', 'backfill'] },
  pages: COUNT,
  records: COUNT,
  added: COUNT,
  updated: COUNT,
  deleted: COUNT,
  unchanged: COUNT,
  problems: COUNT,
  error: {
    anyOf: [
      { type: 'object', properties: { code: TEXT, message: TEXT }, required: ['code', 'message'] },
      { type: 'null' },
    ],
  },
};

const ofRun = (step: string, description: string, severity: 'info' | 'error') =>
  defineEvent({
    name: `integration.sync.${step}`,
    schema: described<SyncRunEvent>(RUN),
    visibility: 'public',
    severity,
    description,
  });

/** The contracts of the events of runs. Outgoing webhooks carry them. */
export const SYNC_CONTRACTS: readonly AnyEventContract[] = [
  ofRun('started', 'A run of a sync has begun.', 'info'),
  ofRun('completed', 'A run of a sync has come to its end.', 'info'),
  ofRun('failed', 'A run of a sync has failed. Nothing was deleted by it, and a later run goes on.', 'error'),
];

/** The contracts of the records of these connectors. One model may be that of several syncs. */
export async function contractsOfRecords(connectors: Iterable<FoundConnector>): Promise<AnyEventContract[]> {
  const contracts = new Map<string, AnyEventContract>();
  for (const { key, syncs } of connectors)
    for (const { model, events } of syncs.values()) {
      const found = events === 'thin' ? undefined : await jsonSchemaOf(model.schema);
      // References within it would lead elsewhere as a part of another schema.
      const isWhole = found?.kind === 'found' && !JSON.stringify(found.schema).includes('"$ref"');
      const record = isWhole ? found.schema : {};
      for (const change of ['created', 'updated', 'deleted'] as const) {
        const name = recordEventName(key, model.name, change);
        const withRecord = events === 'thin' || change === 'deleted' ? {} : { record };
        const { visibility, description } = model;
        const properties = {
          connectionId: UUID,
          sync: TEXT,
          partition: TEXT,
          externalId: TEXT,
          ...withRecord,
        };
        contracts.set(name, defineEvent({ name, schema: described(properties), visibility, description }));
      }
    }
  return [...contracts.values()];
}
