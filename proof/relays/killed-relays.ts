import { judgeArrivals, readEvents } from '../harness/evidence.js';
import { untilSettled } from '../harness/settled.js';
import type { RelayingCounts } from '../processes/relaying-protocol.js';
import type { Scenario } from '../scenarios/scenario.js';
import { backlog } from './backlog.js';
import type { BrokerAtHand } from './broker-client.js';
import { killOneAfterAnother, longestStepMs } from './kills.js';

/** Defaults of a relay: so many messages may be on their way. */
const BATCH = 100;
const CONCURRENCY = 4;

/** Processes with a relay, killed one after another while it sends a backlog. */
export function killedRelays({ name: broker, broker: { address }, client }: BrokerAtHand): Scenario {
  const name = `relays-${broker}`;
  return {
    name,
    shows: 'a relay killed again and again: nothing lost, order kept, twice only what was on its way',
    run: async (stage) => {
      const { database, processes, report, sizes } = stage;
      const kills = sizes.long ? 4 : 1;
      const events = sizes.events ?? (sizes.long ? 20_000 : 4_000);
      await Promise.all([client.make(name), backlog(stage, events)]);
      const setup = { databaseUrl: database.url, broker, address, to: name };
      const done = () => client.count(name);
      const start = () => processes.relaying(setup);
      const last = await killOneAfterAnother(stage, { kills, total: events, done, start });
      await untilSettled(database, longestStepMs(sizes));
      const { duplicates: dropped } = await last.ask<RelayingCounts>({ kind: 'counts' });
      await processes.closeAll();

      const verdict = judgeArrivals(await client.take(name), await readEvents(database));
      report.figure(`${name}-events`, verdict.wanted);
      report.exactly(`${name}-kills`, kills, kills);
      report.exactly(`${name}-lost`, verdict.lost, 0);
      report.exactly(`${name}-out-of-order`, verdict.orderViolations, 0);
      // JetStream knows what it has already. The other brokers do not.
      if (broker === 'nats') {
        report.exactly(`${name}-twice`, verdict.duplicates, 0);
        report.figure(`${name}-dropped-after-the-last-kill`, dropped);
      } else report.atMost(`${name}-twice`, verdict.duplicates, 2 * BATCH * CONCURRENCY * kills);
      report.exactly(`${name}-of-nothing`, verdict.strangers, 0);
      report.exactly(`${name}-processes-ended-by-themselves`, processes.deaths.length, 0);
    },
  };
}
