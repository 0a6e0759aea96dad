import { afterEach, describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom } from 'rxjs';
import { until } from '../support/until.js';
import { startProcess, type WorkerProcess } from '../support/worker-process.js';
import { KEY_BYTES } from './outgoing-app.js';
import { destinationOf, outgoingStage } from './outgoing-stage.js';
import { attemptsOf, LOOPBACK, type Receiver, startReceiver, storedDeliveries } from './sending-stage.js';

const KILLS = 5;
const EVENTS = 400;

type Sender = WorkerProcess<{ readonly ready?: boolean }>;

const stage = outgoingStage();
let senders: Sender[] = [];
let receiver: Receiver | undefined;

afterEach(async () => {
  for (const sender of senders) {
    sender.kill('SIGCONT');
    sender.kill('SIGKILL');
  }
  await Promise.all(senders.map(({ ended }) => ended));
  senders = [];
  await receiver?.close();
  receiver = undefined;
});

function startSender(processingLeaseMs: number): Sender {
  const sender: Sender = startProcess('webhook-sender.mjs', {
    DATABASE_URL: stage.database.url,
    KEY: KEY_BYTES.toString('base64'),
    SETTINGS: JSON.stringify({ processingLeaseMs }),
  });
  senders.push(sender);
  return sender;
}
const ready = (sender: Sender) => firstValueFrom(sender.lines$.pipe(filter((line) => line.ready === true)));

/** How many requests each id has come with. */
function countsOf({ got }: Receiver): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { id } of got.all) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

describe('a sender that is killed', () => {
  it('loses nothing, and what comes twice was in flight and has the same id', async () => {
    // Slow enough that something is in flight at each kill.
    receiver = await startReceiver(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { status: 200 };
    });
    const app = await stage.start({ outgoing: { network: LOOPBACK } });
    const id = await destinationOf(app, { url: receiver.url });
    await app.publish(...Array.from({ length: EVENTS }, (_, n) => ({ aggregateId: `i${n}` })));
    await app.route();
    let most = 0;
    for (let n = 0; n < KILLS; n++) {
      const victim = startSender(600_000);
      await ready(victim);
      const before = receiver.got.all.length;
      await receiver.got.first(before + 20);
      victim.kill('SIGKILL');
      await victim.ended;
      most += 10;
    }
    const last = startSender(600_000);
    await until('everything is delivered', async () =>
      (await storedDeliveries(stage.database, id)).every(({ status }) => status === 'delivered'),
    );
    last.kill('SIGTERM');
    await last.ended;
    const counts = [...countsOf(receiver).values()];
    expect(counts).toHaveLength(EVENTS);
    // A kill repeats at most what was in flight: the places of one destination.
    expect(counts.reduce((sum, count) => sum + count - 1, 0)).toBeLessThanOrEqual(most);
    expect((await storedDeliveries(stage.database, id)).every(({ attempts }) => attempts === 1)).toBe(true);
    expect(await attemptsOf(stage.database, id)).toHaveLength(EVENTS);
  });
});

describe('a sender that stalls for longer than its leases', () => {
  it('saves nothing when it wakes: another one has sent what it had in flight', async () => {
    let isSlow = true;
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    receiver = await startReceiver(async () => {
      if (isSlow) await answered;
      return { status: 200 };
    });
    const app = await stage.start({ outgoing: { network: LOOPBACK } });
    const id = await destinationOf(app, { url: receiver.url });
    await app.publish({});
    await app.route();
    const stalled = startSender(2_000);
    await receiver.got.first(1);
    stalled.kill('SIGSTOP');
    isSlow = false;
    startSender(2_000);
    await until('another one has delivered it', async () =>
      (await storedDeliveries(stage.database, id)).every(({ status }) => status === 'delivered'),
    );
    answer();
    stalled.kill('SIGCONT');
    // The senders route it themselves, and one of them sends it.
    await app.publish({ aggregateId: 'i2' });
    await until('the next one is delivered', async () => {
      const rows = await storedDeliveries(stage.database, id);
      return rows.length === 2 && rows.every(({ status }) => status === 'delivered');
    });
    expect((await storedDeliveries(stage.database, id)).map(({ attempts }) => attempts)).toEqual([1, 1]);
    expect([...countsOf(receiver).values()]).toEqual([2, 1]);
  });
});
