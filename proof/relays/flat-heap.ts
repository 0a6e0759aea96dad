import { heapGrowth, inMegabytes } from '../harness/flow.js';
import { until } from '../harness/wait.js';
import type { RelayingCounts } from '../processes/relaying-protocol.js';
import type { Scenario } from '../scenarios/scenario.js';
import type { BrokerAtHand } from './broker-client.js';
import { longestStepMs } from './kills.js';
import { ADD_THINGS } from './relays.store.js';

const SAMPLES = 30;
/** The heap may still settle by a tenth. */
const HEAP_FACTOR = 1.1;

/** One process relays a backlog without a rest. Its heap is measured behind full collections. */
export function flatHeap({ name: broker, broker: { address }, client }: BrokerAtHand): Scenario {
  const name = `relays-${broker}-heap`;
  return {
    name,
    shows: 'a relay that sends on and on: the heap of its process stays flat',
    run: async ({ database, processes, report, sizes }) => {
      const portion = Math.ceil((sizes.events ?? (sizes.long ? 1_000_000 : 40_000)) / SAMPLES);
      await client.make(name);
      for (let part = 0; part < SAMPLES; part++) await database.query(ADD_THINGS, [portion]);
      const setup = { databaseUrl: database.url, broker, address, to: name };
      const relaying = await processes.relaying(setup, { execArgv: ['--expose-gc'] }).ready();
      const accepted = async () => (await relaying.ask<RelayingCounts>({ kind: 'counts' })).accepted;
      const startedAt = performance.now();
      const heaps: number[] = [];
      for (let sample = 1; sample <= SAMPLES; sample++) {
        const isSent = async () => (await accepted()) >= sample * portion;
        await until(`${sample * portion} events are sent`, isSent, {
          everyMs: 20,
          withinMs: longestStepMs(sizes),
        });
        heaps.push(await relaying.ask<number>({ kind: 'heap' }));
      }
      const seconds = (performance.now() - startedAt) / 1e3;
      report.exactly(`${name}-events`, await accepted(), SAMPLES * portion);
      report.figure(`${name}-events-a-second`, (SAMPLES * portion) / seconds);
      report.figure(`${name}-mb`, inMegabytes(heaps));
      report.atMost(`${name}-growth`, heapGrowth(heaps), HEAP_FACTOR);
      report.exactly(`${name}-processes-ended-by-themselves`, processes.deaths.length, 0);
    },
  };
}
