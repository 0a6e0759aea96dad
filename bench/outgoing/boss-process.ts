// The process with pg-boss, which sends by node:http with connections that are kept.
import { PgBoss } from 'pg-boss';
import { answering, measured } from './asked-process.js';
import { BareClient, DATA } from './clients.js';
import type { BossCommands } from './protocol.js';

const QUEUE = 'deliveries';
/** The best of what its documentation names for throughput, with the batches that were the fastest here. */
const WORK = { batchSize: 200, localConcurrency: 2, burstWhenBatchFull: true } as const;
const INSERTED_AT_ONCE = 2_000;

const boss = new PgBoss({ connectionString: process.env.BOSS_DATABASE_URL ?? '', useListenNotify: true });
boss.on('error', () => {});
await boss.start();
await boss.createQueue(QUEUE, { partition: true, notify: true });
const client = new BareClient();

interface Job {
  readonly url: string;
  readonly data: object;
}

answering<BossCommands>(
  {
    send: async ({ url, count }) => {
      const data = { url, data: JSON.parse(DATA) };
      for (let done = 0; done < count; done += INSERTED_AT_ONCE) {
        const jobs = Array.from({ length: Math.min(INSERTED_AT_ONCE, count - done) }, () => ({ data }));
        await boss.insert(QUEUE, jobs);
      }
      return measured(() => workAll(count));
    },
  },
  async () => {
    client.close();
    await boss.stop({ graceful: false });
  },
);

/** Until the last batch is sent. What it still writes down of that batch does not count against it. */
async function workAll(count: number): Promise<void> {
  let sent = 0;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  await boss.work<Job>(QUEUE, WORK, async (jobs) => {
    await Promise.all(jobs.map(({ data }) => client.send(data.url)));
    sent += jobs.length;
    if (sent >= count) finish();
  });
  await finished;
  await boss.offWork(QUEUE);
}
