import { heapGrowth, inMegabytes } from '../harness/flow.js';
import { sleep, until } from '../harness/wait.js';
import { SENDING_TENANT, SENT_EVENT } from '../processes/sender-protocol.js';
import { CountingReceiver } from '../webhooks/counting-receiver.js';
import { ADD_EVENTS, COUNT_DELIVERIES } from '../webhooks/outgoing.store.js';
import type { Scenario, Stage } from './scenario.js';

const DESTINATIONS = 10;
const EVERY_MS = 100;
const SAMPLES = 30;
const ANSWER_MS = 5;
/** What a busy machine has left behind may take this share of the run, and at least two minutes. */
const SETTLED_SHARE = 0.25;
const SETTLED_WITHIN_MS = 120_000;
/** The heap may still settle by a tenth. */
const HEAP_FACTOR = 1.1;

/** One process routes and sends at a steady rate, for as long as is wanted. */
export const sendingSoak: Scenario = {
  name: 'sending-soak',
  shows:
    'webhooks sent at a steady rate: the heap of the sender stays flat (--seconds, --rate: deliveries a second)',
  onlyByName: true,
  run: async (stage) => {
    const { processes, report, sizes, database } = stage;
    const seconds = sizes.seconds ?? (sizes.long ? 3_600 : 60);
    const rate = sizes.rate ?? 1_000;
    const receiver = await CountingReceiver.start(() => ANSWER_MS, { remembers: false });
    try {
      const options = { execArgv: ['--expose-gc'] };
      const sender = await processes.sender({ databaseUrl: database.url, sends: true }, options).ready();
      await sender.ask({ kind: 'destinations', url: receiver.url, count: DESTINATIONS });
      const heaps: number[] = [];
      const samplesEveryMs = (seconds * 1e3) / SAMPLES;
      const startedAt = performance.now();
      let sampledAt = startedAt;
      await publishing(stage, rate, seconds, async () => {
        if (performance.now() < sampledAt + samplesEveryMs) return;
        sampledAt = performance.now();
        heaps.push(await sender.ask<number>({ kind: 'heap' }));
      });
      const inTime = receiver.requests / ((performance.now() - startedAt) / 1e3);
      report.figure('sending-soak-seconds', seconds);
      report.figure('sending-soak-requests-a-second', inTime);
      report.figure('sending-soak-heap-mb', inMegabytes(heaps));
      report.atMost('sending-soak-heap-growth', heapGrowth(heaps), HEAP_FACTOR);
      await until('everything is sent', async () => (await pending(stage)) === 0, {
        withinMs: Math.max(SETTLED_WITHIN_MS, SETTLED_SHARE * seconds * 1e3),
      });
      report.exactly('sending-soak-processes-ended-by-themselves', processes.deaths.length, 0);
    } finally {
      await receiver.close();
    }
  },
};

/** As many events as the rate wants, ten times a second. */
async function publishing(
  { database }: Stage,
  rate: number,
  seconds: number,
  each: () => Promise<void>,
): Promise<void> {
  const startedAt = performance.now();
  let published = 0;
  for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - startedAt) / 1e3) {
    const count = Math.floor((elapsed * rate) / DESTINATIONS) - published;
    if (count > 0) await database.query(ADD_EVENTS, [count, SENT_EVENT, SENDING_TENANT]);
    published += Math.max(0, count);
    await each();
    await sleep(EVERY_MS);
  }
}

async function pending({ database }: Stage): Promise<number> {
  const [counts] = await database.query<{ pending: number }>(COUNT_DELIVERIES);
  return counts?.pending ?? Number.NaN;
}
