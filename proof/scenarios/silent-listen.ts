import { monotonicMs } from '../harness/clock.js';
import { judge, readEvents } from '../harness/evidence.js';
import { Flow, percentile } from '../harness/flow.js';
import { readRuns, readWrites } from '../harness/journal.js';
import type { Report } from '../harness/report.js';
import { untilLeased, untilSettled } from '../harness/settled.js';
import { startTcpProxy, type TcpProxy } from '../harness/tcp-proxy.js';
import { sleep } from '../harness/wait.js';
import type { ConsumerSpec } from '../processes/protocol.js';
import type { Scenario, Stage } from './scenario.js';

const POLLING_MS = 2_000;
const IDLE_POLLING_MS = 4_000;
const BACK_WITHIN_MS = 15_000;
/** For what a busy machine adds to a poll. */
const SLACK_MS = 1_000;
const BEFORE_CUT_MS = 500;
const CONSUMER: ConsumerSpec = { name: 'plain', kind: 'plain', eventNames: ['thing.*'] };
const LISTENER = 'nestjs-integration listen';

/** From `since` on (monotonic milliseconds) the connection is silent; from `backAt` to `until` all is to be as usual. */
interface Silence {
  readonly since: number;
  readonly backAt: number;
  readonly until: number;
}

/** The connection for wake-ups falls silent and is not closed: before something that it would have told, and once it has been asked something. */
export const silentListen: Scenario = {
  name: 'silent-listen',
  shows: 'the LISTEN connection cut without a word: polling goes on, wake-ups are back in 15 s',
  run: async (stage) => {
    const proxy = await startTcpProxy(stage.database.url);
    try {
      await playWith(proxy, stage);
    } finally {
      await proxy.close();
    }
  },
};

async function playWith(proxy: TcpProxy, stage: Stage): Promise<void> {
  const { database, processes, report } = stage;
  const worker = processes.worker({
    databaseUrl: proxy.url,
    consumers: [CONSUMER],
    workMs: 0,
    settings: { pollingIntervalMs: POLLING_MS, idlePollingIntervalMs: IDLE_POLLING_MS },
  });
  const publisher = processes.publisher({
    databaseUrl: database.url,
    seed: stage.seed,
    writers: 2,
    eventsPerTransaction: 1,
    rollbacks: 0,
  });
  await Promise.all([worker.ready(), publisher.ready()]);
  await untilLeased(database);
  await publisher.ask({ kind: 'run', rate: 20 });
  await sleep(2_000);
  const from = monotonicMs();
  await sleep(5_000);
  const to = monotonicMs();
  // An event before the cut may be among those that it meets.
  await sleep(BEFORE_CUT_MS);
  const cut = await proxy.silenceWhenTold(LISTENER, BEFORE_CUT_MS);
  const quiet = await silence(stage, to);
  const cutWhenAsked = await proxy.silenceWhenAsked(LISTENER, BEFORE_CUT_MS);
  const asked = await silence(stage, monotonicMs() - 2 * BEFORE_CUT_MS);
  await publisher.ask({ kind: 'halt' });
  await untilSettled(database, 30_000);
  await processes.closeAll();

  report.exactly('silent-listen-connections-cut', cut, 1);
  const flow = new Flow(readWrites(stage.folder), readRuns(stage.folder), CONSUMER.name);
  const usual = flow.latencies(from, to);
  report.figure('silent-listen-p50-ms-before', percentile(usual, 0.5));
  report.figure('silent-listen-p99-ms-before', percentile(usual, 0.99));
  // Clearly more than anything that was seen before the cut.
  const slowMs = Math.max(250, (usual.at(-1) ?? 0) * 2);
  reportSilence(report, 'silent-listen', flow, quiet, slowMs);
  report.exactly('silent-listen-when-asked-connections-cut', cutWhenAsked, 1);
  reportSilence(report, 'silent-listen-when-asked', flow, asked, slowMs);
  const verdict = await judge(database, stage.folder, CONSUMER, await readEvents(database));
  report.exactly('silent-listen-lost', verdict.lost, 0);
  report.exactly('silent-listen-duplicates', verdict.duplicates, 0);
}

/** The listening connection is silent from about `since`. */
async function silence(stage: Stage, since: number): Promise<Silence> {
  await sleep(BACK_WITHIN_MS);
  const backAt = monotonicMs();
  await sleep(stage.sizes.long ? 30_000 : 5_000);
  return { since, backAt, until: monotonicMs() };
}

function reportSilence(report: Report, name: string, flow: Flow, silence: Silence, slowMs: number): void {
  const { since, backAt, until } = silence;
  const meanwhile = flow.points(since, backAt);
  const afterwards = flow.latencies(backAt, until);
  const slow = meanwhile.filter(({ ms }) => ms > slowMs).map(({ at, ms }) => at + ms - since);
  report.figure(`${name}-slow-events`, slow.length);
  report.atMost(`${name}-back-to-normal-ms`, Math.max(0, ...slow), BACK_WITHIN_MS);
  report.atMost(
    `${name}-latency-meanwhile-ms`,
    Math.max(...meanwhile.map(({ ms }) => ms)),
    IDLE_POLLING_MS + SLACK_MS,
  );
  report.atMost(`${name}-p50-ms-after`, percentile(afterwards, 0.5), slowMs);
  report.atMost(`${name}-p90-ms-after`, percentile(afterwards, 0.9), slowMs);
}
