import { AdminApi, Watchers } from '../admin-api.js';
import type { OpsCheck } from './ops-check.js';

const STREAMS = 20;
const ROUNDS = 3;
const WITHIN_MS = 1_000;

/** An application is closed while somebody watches it. */
export const closing: OpsCheck = {
  name: 'closing',
  shows: 'an application closes within 1 s with 20 streams open',
  run: async ({ database, processes, report }) => {
    const consumers = [{ name: 'billing', eventNames: ['thing.*'], kind: 'counts' as const }];
    const taken: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const application = processes.application({ databaseUrl: database.url, role: 'all', consumers });
      const watchers = await Watchers.open(await AdminApi.of(application), STREAMS);
      taken.push(await application.ask<number>({ kind: 'close' }));
      await watchers.ended();
      await application.kill();
    }
    report.atMost('closing-ms-with-20-streams', Math.max(...taken), WITHIN_MS);
  },
};
