import type { EventSchema } from '../../contracts/schemas/event-schema.js';
import type { Mapping } from './mapping.js';
import type { ConnectorModel } from './model.js';

export const SYNC_MODES = ['full', 'incremental'] as const;
export const SYNC_DELETIONS = ['none', 'reported', 'sweep'] as const;
export const SYNC_KINDS = ['full', 'delta', 'backfill'] as const;

/**
 * What a run does. `full`: everything, and what is not there any more is swept. `backfill`: everything, and
 * nothing is swept. `delta`: what has changed since the checkpoint.
 */
export type SyncKind = (typeof SYNC_KINDS)[number];

/** When a sync runs: `cron` or `every`. */
export interface SyncSchedule {
  cron?: string | undefined;
  /** Milliseconds, or a text such as 15m or 6h. */
  every?: number | string | undefined;
  /** For `cron`. Default: UTC. */
  timeZone?: string | undefined;
  /**
   * Whether each stream runs at the very time. Without it, streams are spread by a hash: those of a pattern
   * over the first tenth of its interval, those of `every` over the whole of it.
   */
  exact?: boolean | undefined;
}

/** A name in the record, or a function of it. */
export type InRecord<T> = string | ((record: never) => T);

export interface ConnectorSyncOptions<C extends EventSchema = EventSchema> {
  /** It never changes: a sync of another key is another sync. Small letters, digits, `_` and `-`. */
  key: string;
  model: ConnectorModel;
  /** Whether each run asks for everything, or only for what has changed. */
  mode: (typeof SYNC_MODES)[number];
  /** Without it, runs are started by hand or by code. */
  schedule?: SyncSchedule | undefined;
  /** What a checkpoint is. */
  checkpoint?: C | undefined;
  /**
   * How deletions are known. `reported`: pages have their ids. `sweep`: a full run deletes what it has not
   * seen.
   */
  deletions: (typeof SYNC_DELETIONS)[number];
  /** Without it, the schema of the model takes the records as they come. */
  mapping?: Mapping | undefined;
  /** Where the id of a record stands, as it came. Default: `id`. */
  id?: InRecord<string | number> | undefined;
  /**
   * Where the time stands at which the other system has changed a record. An older one then never overwrites
   * a newer one.
   */
  changedAt?: InRecord<string | number | Date | null | undefined> | undefined;
  /** Whether records are kept, or only their hashes. Default: full. */
  records?: 'full' | 'hash' | undefined;
  /** Whether events have the record. Default: full. */
  events?: 'full' | 'thin' | undefined;
  /** After this time a run makes room for others, and goes on later. Default: 600,000. */
  maxRunMs?: number | undefined;
}

/** A page, as a sync yields it. */
export interface SyncPage<C = unknown> {
  /** As they came from the other system. */
  records: readonly unknown[];
  /** Ids of records that are gone. */
  deleted?: readonly string[] | undefined;
  /** Where a later run goes on. Without it, the one before stays. */
  checkpoint?: C | undefined;
}

/** A sync of a connector, with its method. */
export interface FoundSync
  extends Readonly<
    Pick<ConnectorSyncOptions, 'key' | 'model' | 'mode' | 'schedule' | 'checkpoint' | 'deletions' | 'mapping'>
  > {
  /** Where the method stands, for messages. */
  readonly place: string;
  readonly records: 'full' | 'hash';
  readonly events: 'full' | 'thin';
  readonly maxRunMs: number;
  readonly idOf: (record: unknown) => unknown;
  readonly changedAtOf: ((record: unknown) => unknown) | undefined;
  readonly run: (context: unknown) => unknown;
}
