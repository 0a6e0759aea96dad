import { runIn, withClient } from '../harness/bench-server.js';
import { median } from '../harness/statistics.js';
import { AskedProcess } from '../outgoing/asked-process.js';
import { DATA } from '../outgoing/clients.js';
import { COUNT_DELIVERIES, FILL_LOG } from '../outgoing/outgoing.store.js';
import type { SenderCommands, Work } from '../outgoing/protocol.js';
import type { Bench, Scenario } from './scenario.js';

const FAN_OUT = 10;
const EVENTS = 5_000;
const QUICK_EVENTS = 1_500;
const ROUNDS = 7;
const QUICK_ROUNDS = 3;
const A_SECOND = 5_000;

export const routeWebhooks: Scenario = {
  name: 'route-webhooks',
  promise: 'events that are routed to ten destinations each',
  run: async (bench: Bench) => {
    const events = bench.sizes.quick ? QUICK_EVENTS : EVENTS;
    const rounds = await measure(bench, events, bench.sizes.quick ? QUICK_ROUNDS : ROUNDS);
    const deliveries = events * FAN_OUT;
    const rates = rounds.map(({ ms }) => (deliveries / ms) * 1000);
    bench.report.table(
      `Routing ${events} events to ${FAN_OUT} destinations each (${rounds.length} rounds)`,
      ['deliveries a second', 'lowest', 'highest', 'processor µs each'],
      [
        [
          Math.round(median(rates)),
          Math.round(Math.min(...rates)),
          Math.round(Math.max(...rates)),
          Math.round(median(rounds.map(({ cpuMs }) => (cpuMs / deliveries) * 1000))),
        ],
      ],
    );
    bench.report.detail('route-webhooks', rounds);
    bench.report.atLeast('route-webhooks-deliveries-a-second', median(rates), A_SECOND);
  },
};

async function measure({ server }: Bench, events: number, count: number): Promise<Work[]> {
  const database = await server.createDatabase();
  const sender = AskedProcess.start<SenderCommands>('sender-process', {
    SENDER_DATABASE_URL: database.url,
    SENDER_SETTINGS: JSON.stringify({ 'processor.enabled': false }),
  });
  try {
    const url = 'http://127.0.0.1:9999';
    await sender.ask('destinations', { count: FAN_OUT, url, tenant: 'many', perTenant: FAN_OUT });
    const rounds: Work[] = [];
    for (let n = 0; n <= count; n++) {
      await withClient(database, (client) => client.query(FILL_LOG, [events, DATA, 'many-0']));
      rounds.push(await sender.ask('route', {}));
      const { rows } = await runIn(database, COUNT_DELIVERIES);
      if (rows[0].count !== (n + 1) * events * FAN_OUT)
        throw new Error(`there are ${rows[0].count} deliveries`);
    }
    // In the first round, code is compiled.
    return rounds.slice(1);
  } finally {
    await sender.end();
    await database.drop();
  }
}
