import { randomUUID } from 'node:crypto';
import { EngineDatabase } from '../../src/database/engine-database.js';
import type { EngineSession } from '../../src/database/sql/engine-session.js';
import { LeaseService } from '../../src/index.js';
import { LaneRunner } from '../../src/lanes/lane-runner.js';
import type {
  Ended,
  LaneItem,
  LaneLimits,
  LaneWork,
  Outcome,
  TargetChange,
  TargetLimits,
} from '../../src/lanes/lane-work.js';
import { OutgoingTargetStore } from '../../src/lanes/outgoing-target.store.js';
import { LeaseStore } from '../../src/membership/leases/lease.store.js';
import { IntegrationSettingsService } from '../../src/settings/integration-settings.service.js';
import { WakeupStore } from '../../src/wakeups/wakeup.store.js';
import { WakeupListener } from '../../src/wakeups/wakeup-listener.js';
import type { TestApp } from '../support/app.js';
import type { TestDatabase } from '../support/test-database.js';

/* Items of a kind of work that stand in a table of the test. */

export interface Item extends LaneItem {
  readonly n: number;
  readonly attempts: number;
}

export const LIMITS: LaneLimits = {
  maxInFlight: 40,
  maxInFlightPerTarget: 5,
  probeAfterFailures: 3,
  timeoutMs: 2_000,
};

export async function createItems(database: TestDatabase): Promise<void> {
  await database.pool.query(`
    CREATE TABLE item (target uuid NOT NULL, n int NOT NULL, due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      status text NOT NULL DEFAULT 'pending', attempts int NOT NULL DEFAULT 0, PRIMARY KEY (target, n));
    CREATE INDEX item_due ON item (target, due_at, n) WHERE status = 'pending';`);
}

/** What a test may watch or break. */
export interface Hooks {
  readonly run: (item: Item, signal: AbortSignal) => Promise<Outcome>;
  readonly limits?: Partial<LaneLimits>;
  readonly limitsOf?: (targets: readonly string[]) => ReadonlyMap<string, TargetLimits>;
  /** Runs in a look, when what is due was read and before any of it begins. */
  readonly afterDue?: (due: readonly Item[]) => Promise<void>;
  /** Runs in the transaction of the save, before anything is saved. */
  readonly beforeSave?: (ended: readonly Ended<Item>[]) => Promise<void>;
  /** Runs in the transaction of the save, when it is computed what is due next. */
  readonly afterNextDue?: (targets: readonly string[]) => Promise<void>;
  readonly saved?: (ended: readonly Ended<Item>[], changes: ReadonlyMap<string, TargetChange>) => void;
}

export function itemWork(db: EngineDatabase, hooks: Hooks): LaneWork<Item> {
  return {
    kind: 'webhook',
    limits: () => ({ ...LIMITS, ...hooks.limits }),
    ...(hooks.limitsOf && { limitsOf: async (targets) => hooks.limitsOf?.(targets) ?? new Map() }),
    async due(wanted) {
      const due = await db.query<Item>(
        `SELECT i.*, i.target || ' ' || i.n AS key FROM unnest($1::uuid[], $2::int[]) AS w (target, most), LATERAL (
           SELECT target, n, attempts FROM public.item WHERE target = w.target AND status = 'pending' AND due_at <= now()
           ORDER BY due_at, n LIMIT w.most) AS i`,
        [[...wanted.keys()], [...wanted.values()]],
      );
      await hooks.afterDue?.(due);
      return due;
    },
    run: (item, { signal }) => hooks.run(item, signal),
    async save(session, ended) {
      await hooks.beforeSave?.(ended);
      for (const { item, outcome } of ended) await saveItem(session, item, outcome);
      return ended;
    },
    async nextDue(session, targets) {
      const rows = await session.query<{ target: string; at: Date }>(
        `SELECT target, min(due_at) AS at FROM public.item WHERE target = ANY ($1::uuid[]) AND status = 'pending' GROUP BY target`,
        [targets],
      );
      await hooks.afterNextDue?.(targets);
      return new Map(rows.map(({ target, at }) => [target, at]));
    },
    saved: async (ended, changes) => hooks.saved?.(ended, changes),
  };
}

async function saveItem(session: EngineSession, { target, n }: Item, outcome: Outcome): Promise<void> {
  const counts = outcome.is === 'target-off' ? 0 : 1;
  const status = outcome.is === 'done' ? 'done' : outcome.is === 'dead' ? 'dead' : 'pending';
  const afterMs = outcome.is === 'again' ? outcome.afterMs : null;
  await session.query(
    `UPDATE public.item SET attempts = attempts + $3, status = $4,
       due_at = coalesce(clock_timestamp() + $5::float8 * interval '1 millisecond', due_at) WHERE target = $1 AND n = $2`,
    [target, n, counts, status, afterMs],
  );
}

export function runnerOf(app: TestApp, hooks: Hooks, { shutdownTimeoutMs = 2_000 } = {}): LaneRunner<Item> {
  const get = <T>(service: new (...args: never[]) => T): T =>
    app.context.get(service as never, { strict: false });
  const db = get(EngineDatabase);
  return new LaneRunner(
    {
      db,
      leases: get(LeaseService),
      leaseStore: get(LeaseStore),
      settings: get(IntegrationSettingsService),
      wakeups: get(WakeupStore),
      listener: get(WakeupListener),
      role: 'all',
      shutdownTimeoutMs,
    },
    itemWork(db, hooks),
  );
}

/** A target whose lane is the one of this number. */
export function targetIn(lane: number): string {
  return `${randomUUID().slice(0, -2)}${lane.toString(16).padStart(2, '0')}`;
}

/** Adds targets, and items `1` to `count` of each, in one transaction. */
export async function addItems(
  db: EngineDatabase,
  targets: readonly string[],
  count: number,
  first = 1,
): Promise<void> {
  const store = new OutgoingTargetStore(db);
  await db.transaction(async (session) => {
    for (const target of targets) await store.add(session, 'webhook', target);
    await session.query(
      `INSERT INTO public.item (target, n) SELECT t, n FROM unnest($1::uuid[]) AS t, generate_series($2::int, $3::int) AS n`,
      [targets, first, first + count - 1],
    );
    await store.makeReady(session, 'webhook', targets);
  });
}

export interface StoredItem {
  readonly target: string;
  readonly n: number;
  readonly status: string;
  readonly attempts: number;
}

export async function itemsOf(database: TestDatabase, target?: string): Promise<StoredItem[]> {
  const { rows } = await database.pool.query(
    'SELECT target, n, status, attempts FROM item WHERE $1::uuid IS NULL OR target = $1 ORDER BY target, n',
    [target ?? null],
  );
  return rows;
}

export async function stateOf(database: TestDatabase, target: string) {
  const { rows } = await database.pool.query(
    `SELECT failures, failing_since IS NOT NULL AS failing, ready_at IS NOT NULL AS ready, held,
       round(extract(epoch FROM not_before - clock_timestamp()))::int AS "pauseSeconds" FROM integration.outgoing_target WHERE id = $1`,
    [target],
  );
  return rows[0];
}
