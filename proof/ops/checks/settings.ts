import type { ProofProcess } from '../../harness/child-process.js';
import { until } from '../../harness/wait.js';
import { AdminApi } from '../admin-api.js';
import type { OpsCheck } from './ops-check.js';

const PROCESSES = 4;
const KEY = 'maxAttempts';
const BEFORE = 3;
const ROUNDS = 5;
const WITHIN_MS = 2_000;

/** A setting is changed through one process and looked at in all of them, then returned by its history. */
export const settings: OpsCheck = {
  name: 'settings',
  shows: 'a setting is in every process within 2 s, and returned to its value before',
  run: async ({ database, processes, report }) => {
    const consumers = [{ name: 'billing', eventNames: ['thing.*'], kind: 'counts' as const }];
    const all = Array.from({ length: PROCESSES }, (_, index) =>
      processes.application({
        databaseUrl: database.url,
        role: index === 0 ? 'publisher' : 'worker',
        consumers,
      }),
    );
    const apis = await Promise.all(all.map((each) => AdminApi.of(each)));
    const api = apis[0] as AdminApi;
    const changed: number[] = [];
    const returned: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const value = BEFORE + 1 + round;
      changed.push(
        await timed(() => api.must('PATCH', '/settings', { values: { [KEY]: value } }), all, value),
      );
      returned.push(
        await timed(() => api.must('PATCH', '/settings', { values: { [KEY]: BEFORE } }), all, BEFORE),
      );
    }
    // Once more by the history: the value after the last change but one.
    const { items } = await api.must<{ items: { id: number }[] }>('GET', '/settings/history?limit=2');
    const change = items[1];
    if (change === undefined) throw new Error('the history has no change to return to');
    const restored = await timed(
      () => api.must('POST', '/settings/restore', { changeId: change.id }),
      all,
      BEFORE + ROUNDS,
    );
    report.figure('settings-processes', PROCESSES);
    report.atMost('settings-ms-until-in-every-process', Math.max(...changed), WITHIN_MS);
    report.atMost('settings-ms-until-returned-in-every-process', Math.max(...returned, restored), WITHIN_MS);
    await processes.closeAll();
  },
};

/** Milliseconds from the request until every process goes by the value. */
async function timed(
  change: () => Promise<unknown>,
  all: readonly ProofProcess[],
  value: number,
): Promise<number> {
  const from = performance.now();
  await change();
  await until(
    `every process goes by ${value}`,
    async () => {
      const values = await Promise.all(all.map((each) => each.ask<number>({ kind: 'setting', key: KEY })));
      return values.every((each) => each === value);
    },
    { everyMs: 10, withinMs: 30_000 },
  );
  return performance.now() - from;
}
