import type { EngineDatabase } from '../../src/database/engine-database.js';
import { Gate, type GateOutcome, type GatePass } from '../../src/gate/gate.js';
import { GateStore } from '../../src/gate/gate.store.js';
import type { GateLimit, GateTarget } from '../../src/gate/gate-limit.js';
import { GateRefused } from '../../src/gate/gate-refused.js';
import type { TestDatabase } from '../support/test-database.js';

/** The gate of one process: it has a connection of its own, and shares nothing with others but the database. */
export interface GateProcess {
  readonly gate: Gate;
  readonly store: GateStore;
  readonly db: EngineDatabase;
  /** What could not be written. */
  readonly failures: string[];
  /** How often it has opened a breaker. */
  opened: number;
}

export interface ProcessOptions {
  readonly processes?: number;
  readonly breakerFailures?: number;
  readonly breakerOpenMs?: number;
}

/** @param options how many processes it believes in, and its breaker */
export function gateProcess(
  database: TestDatabase,
  { processes = 1, breakerFailures = 3, breakerOpenMs = 60_000 }: ProcessOptions = {},
): GateProcess {
  const db = database.engine();
  const store: GateStore = Object.assign(new GateStore(db), { processes: async () => processes });
  const made: GateProcess = {
    db,
    store,
    failures: [],
    opened: 0,
    gate: new Gate({
      store,
      settings: () => ({ breakerFailures, breakerOpenMs }),
      onFailure: (words) => made.failures.push(words),
    }),
  };
  return made;
}

export function gateProcesses(
  count: number,
  database: TestDatabase,
  options: ProcessOptions = {},
): GateProcess[] {
  return Array.from({ length: count }, () => gateProcess(database, { processes: count, ...options }));
}

const KEY = 'connection:1';

export function target(...limits: readonly Partial<GateLimit>[]): GateTarget {
  return {
    key: KEY,
    others: [],
    limits: limits.map((limit, i) => ({ key: KEY, no: i + 1, ...limit }) as GateLimit),
  };
}

export const rateOf = (limit: number, perMs: number, burst: number): Partial<GateLimit> => ({
  kind: 'rate',
  limit,
  perMs,
  burst,
});
export const quotaOf = (limit: number, perMs: number): Partial<GateLimit> => ({
  kind: 'quota',
  limit,
  perMs,
});

/** What became of a request: when it was let through, or why not. */
export interface Tried {
  readonly at?: number;
  readonly pass?: GatePass;
  readonly refused?: GateRefused;
}

export async function tryOnce(
  { gate }: GateProcess,
  of: GateTarget,
  { waitMs = 0, probeMs = 60_000, signal }: { waitMs?: number; probeMs?: number; signal?: AbortSignal } = {},
): Promise<Tried> {
  try {
    const pass = await gate.pass(of, { waitMs, probeMs, signal });
    return { at: performance.now(), pass };
  } catch (error) {
    if (error instanceof GateRefused) return { refused: error };
    throw error;
  }
}

/** Lets a request through and tells its outcome. Why it was refused, if it was. */
export async function ends(process: GateProcess, of: GateTarget, outcome: GateOutcome): Promise<string> {
  const { pass, refused } = await tryOnce(process, of, { waitMs: 30_000 });
  if (await pass?.ended(outcome)) process.opened++;
  return refused?.why ?? 'sent';
}

/** The most moments that fall into any window of this length. */
export function mostInWindow(moments: readonly number[], windowMs: number): number {
  const sorted = [...moments].sort((a, b) => a - b);
  let most = 0;
  let from = 0;
  for (const [i, at] of sorted.entries()) {
    while (at - (sorted[from] ?? at) >= windowMs) from++;
    most = Math.max(most, i - from + 1);
  }
  return most;
}
