import type { MeasuredSystem, SystemInfo, SystemOptions } from './measured-system.js';

export interface SystemEntry extends SystemInfo {
  /** Loads the system's own package only where it is measured. */
  open(options: SystemOptions): Promise<MeasuredSystem>;
}

const PROJECT: SystemEntry = {
  label: 'nestjs-integration',
  kind: 'project',
  settings: 'default',
  about: 'shipped defaults',
  open: async (options) => new (await import('./integration.js')).IntegrationSystem(options),
};

/** Every system under measurement, by the name that the command line and the figures know. */
export const SYSTEMS = {
  integration: PROJECT,
  'row-queue': {
    label: 'row queue',
    kind: 'reference',
    settings: 'best',
    about: 'claim 500 by SKIP LOCKED, one UPDATE for all, 2 workers a consumer, poll 1 s',
    open: async (options) => new (await import('./row-queue.js')).RowQueue(options, false),
  },
  'row-queue-notify': {
    label: 'row queue + NOTIFY',
    kind: 'reference',
    settings: 'best',
    about: 'the same, woken by NOTIFY from inside the business transaction',
    open: async (options) => new (await import('./row-queue.js')).RowQueue(options, true),
  },
  sequential: {
    label: 'sequential outbox',
    kind: 'reference',
    settings: 'default',
    about: 'claim 10, one by one, UPDATE each, poll 5 s',
    slow: true,
    open: async (options) => new (await import('./sequential-outbox.js')).SequentialOutbox(options),
  },
  'graphile-worker-best': {
    label: 'graphile-worker, best',
    kind: 'peer',
    settings: 'best',
    about: 'local queue 500, 24 jobs at once, batched completion, LISTEN',
    open: async (options) => new (await import('./graphile-worker.js')).GraphileWorkerSystem(options, true),
  },
  'graphile-worker-default': {
    label: 'graphile-worker, default',
    kind: 'peer',
    settings: 'default',
    about: '1 job at once, LISTEN',
    slow: true,
    open: async (options) => new (await import('./graphile-worker.js')).GraphileWorkerSystem(options, false),
  },
  'pg-boss-best': {
    label: 'pg-boss, best',
    kind: 'peer',
    settings: 'best',
    about: 'batches of 2000, 2 workers, burst, a table per queue, LISTEN',
    open: async (options) => new (await import('./pg-boss.js')).PgBossSystem(options, true),
  },
  'pg-boss-default': {
    label: 'pg-boss, default',
    kind: 'peer',
    settings: 'default',
    about: '1 job every 2 s',
    slow: true,
    open: async (options) => new (await import('./pg-boss.js')).PgBossSystem(options, false),
  },
  'bullmq-best': {
    label: 'bullmq on Postgres, best',
    kind: 'peer',
    settings: 'best',
    about: 'concurrency 32, finished jobs removed, LISTEN',
    slow: true,
    open: async (options) => new (await import('./bullmq.js')).BullmqSystem(options, true),
  },
  'bullmq-default': {
    label: 'bullmq on Postgres, default',
    kind: 'peer',
    settings: 'default',
    about: 'concurrency 1, LISTEN',
    slow: true,
    open: async (options) => new (await import('./bullmq.js')).BullmqSystem(options, false),
  },
  plain: {
    label: 'raw SELECT / bare INSERT',
    kind: 'ceiling',
    settings: 'best',
    about: 'pages of 500 read and parsed, nothing remembered; a plain keyed table',
    open: async (options) => new (await import('./plain-table.js')).PlainTable(options),
  },
} satisfies Record<string, SystemEntry>;

export type SystemName = keyof typeof SYSTEMS;

export const systemEntry = (name: SystemName): SystemEntry => SYSTEMS[name];

/** Everything that does the same job, at its best. */
export const RIVALS = [
  'row-queue',
  'graphile-worker-best',
  'pg-boss-best',
  'bullmq-best',
  'sequential',
] as const satisfies SystemName[];

/** The rivals one of which is the best in every comparison of throughput; the others are behind by a multiple. */
export const STRONGEST_RIVALS = [
  'row-queue',
  'graphile-worker-best',
  'pg-boss-best',
] as const satisfies SystemName[];

/** The published packages, at their best settings. */
export const BEST_PEERS = [
  'graphile-worker-best',
  'pg-boss-best',
  'bullmq-best',
] as const satisfies SystemName[];

export const DEFAULT_PEERS = [
  'graphile-worker-default',
  'pg-boss-default',
  'bullmq-default',
] as const satisfies SystemName[];
