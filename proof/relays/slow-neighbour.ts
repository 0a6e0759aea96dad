import type { ProofProcess } from '../harness/child-process.js';
import { medianRatio } from '../harness/median.js';
import { until } from '../harness/wait.js';
import type { RelayingCounts } from '../processes/relaying-protocol.js';
import type { Scenario, Stage } from '../scenarios/scenario.js';
import type { BrokerAtHand } from './broker-client.js';
import { longestStepMs } from './kills.js';
import { ADD_THINGS } from './relays.store.js';

/** The others are as fast as without it, by as much as a machine differs from itself. */
const AT_LEAST = 0.9;
/** So many events are sent before the time is taken: connections are made, and code is compiled. */
const UNMEASURED = 0.2;

/** Two relays in one process. One of them sends to somebody who accepts one message a second. */
export function slowNeighbour({ name: broker, broker: { address }, client }: BrokerAtHand): Scenario {
  const name = `relays-${broker}-slow-neighbour`;
  return {
    name,
    shows: 'a relay beside one whose broker accepts one message a second: as fast as alone',
    run: async (stage) => {
      const { database, processes, report, sizes } = stage;
      const rounds = sizes.long ? 5 : 2;
      const events = sizes.events ?? (sizes.long ? 50_000 : 15_000);
      await client.make(name);
      const setup = { databaseUrl: database.url, broker, address, to: name };
      const rates: Record<'alone' | 'beside', number[]> = { alone: [], beside: [] };
      let slowly = 0;
      for (let round = 0; round < rounds; round++) {
        for (const how of ['alone', 'beside'] as const) {
          const hasSlowRelay = how === 'beside';
          const relaying = await processes.relaying({ ...setup, hasSlowRelay }).ready();
          rates[how].push(await rateOf(stage, relaying, events));
          slowly += (await countsOf(relaying)).acceptedSlowly;
          await relaying.close();
        }
      }
      report.figure(`${name}-events`, events * rounds * 2);
      report.figure(`${name}-events-a-second-alone`, rounded(rates.alone));
      report.figure(`${name}-events-a-second-beside`, rounded(rates.beside));
      report.atLeast(`${name}-accepted-slowly`, slowly, 1);
      report.atLeast(`${name}-ratio`, medianRatio(rates.beside, rates.alone), AT_LEAST);
      report.exactly(`${name}-processes-ended-by-themselves`, processes.deaths.length, 0);
    },
  };
}

/** How many events the relay sends in a second. */
async function rateOf({ database, sizes }: Stage, relaying: ProofProcess, events: number): Promise<number> {
  await database.query(ADD_THINGS, [events]);
  const sent = async (wanted: number) => {
    let accepted = 0;
    const isSent = async () => {
      accepted = (await countsOf(relaying)).accepted;
      return accepted >= wanted;
    };
    await until(`${wanted} events are sent`, isSent, { everyMs: 20, withinMs: longestStepMs(sizes) });
    return { accepted, at: performance.now() };
  };
  const first = await sent(events * UNMEASURED);
  const last = await sent(events);
  return (1e3 * (last.accepted - first.accepted)) / (last.at - first.at);
}

function countsOf(relaying: ProofProcess): Promise<RelayingCounts> {
  return relaying.ask<RelayingCounts>({ kind: 'counts' });
}

function rounded(values: readonly number[]): string {
  return values.map((value) => Math.round(value)).join(' ');
}
