import pg from 'pg';
import { consumersOfEveryKind, type ProofProcess } from '../harness/child-process.js';
import { monotonicMs } from '../harness/clock.js';
import { judge, readEvents } from '../harness/evidence.js';
import { Flow, mean, percentile, thirds } from '../harness/flow.js';
import { readRuns, readWrites } from '../harness/journal.js';
import { CURSOR_SIZE } from '../harness/proof-database.store.js';
import { untilLeased, untilSettled } from '../harness/settled.js';
import { sleep } from '../harness/wait.js';
import { OLD_SNAPSHOT, PUBLISH_AND_STAY, WAL_BYTES } from './long-writer.store.js';
import type { Scenario, Stage } from './scenario.js';

const CONSUMERS = consumersOfEveryKind().filter(({ kind }) => kind !== 'transactional');
/** On time is a second, or, on a machine that is slow without any long writer, three times its own slowest hundredth. */
const ON_TIME_MS = 1_000;
const ON_TIME_FACTOR = 3;
/** One page may be in flight beside the holes. */
const PAGE = 500;
/** A range of positions with its place in the set. */
const BYTES_A_PIECE = 24;
const READER_MS = 8_000;
const SAMPLE_MS = 500;
const WARM_UP_MS = 3_000;

/** Somebody has published and does not end the transaction. */
export const longWriter: Scenario = {
  name: 'long-writer',
  shows: 'a transaction that has published stays open, old snapshots are held: delivery goes on as ever',
  run: async (stage) => {
    const { database, processes, sizes } = stage;
    const seconds = sizes.seconds ?? (sizes.long ? 600 : 18);
    const rate = sizes.rate ?? (sizes.long ? 800 : 300);
    const worker = processes.worker({ databaseUrl: database.url, consumers: CONSUMERS, workMs: 0 });
    const publisher = processes.publisher({
      databaseUrl: database.url,
      seed: stage.seed,
      eventsPerTransaction: 8,
      rollbacks: 0.01,
    });
    await Promise.all([worker.ready(), publisher.ready()]);
    await untilLeased(database);
    await publisher.ask({ kind: 'run', rate });
    await sleep(WARM_UP_MS);
    const undisturbed = await window(sizes.long ? 60_000 : 5_000);
    const writer = await openWriter(database.url);
    const readers = holdSnapshots(database.url);
    const from = monotonicMs();
    const samples = await sample(stage, worker, seconds * 1e3);
    const disturbed = [from, monotonicMs()] as const;
    await sleep(1_000);
    await publisher.ask({ kind: 'halt' });
    await writer.commit();
    await readers.stop();
    await untilSettled(database, 60_000);
    await processes.closeAll();
    reportFlow(stage, undisturbed, disturbed, rate);
    reportCost(stage, samples);
    await reportDelivery(stage);
  },
};

interface Sample {
  readonly at: number;
  readonly cpuMs: number;
  readonly walBytes: number;
  /** Of the largest cursor. */
  readonly bytes: number;
  readonly pieces: number;
}

type Window = readonly [from: number, to: number];

async function window(ms: number): Promise<Window> {
  const from = monotonicMs();
  await sleep(ms);
  return [from, monotonicMs()];
}

async function sample({ database }: Stage, worker: ProofProcess, ms: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const from = monotonicMs(); monotonicMs() - from < ms; await sleep(SAMPLE_MS)) {
    const [size] = await database.query<{ bytes: number; pieces: number }>(CURSOR_SIZE);
    const [wal] = await database.query<{ bytes: number }>(WAL_BYTES);
    const { cpuMs } = await worker.usage();
    if (size !== undefined && wal !== undefined)
      samples.push({ at: monotonicMs(), cpuMs, walBytes: wal.bytes, ...size });
  }
  return samples;
}

/** Publishes one event by plain SQL and goes to lunch. */
async function openWriter(url: string): Promise<{ commit(): Promise<void> }> {
  const client = new pg.Client({ connectionString: url, application_name: 'proof long writer' });
  await client.connect();
  await client.query('BEGIN');
  await client.query(PUBLISH_AND_STAY);
  return {
    commit: async () => {
      await client.query('COMMIT');
      await client.end();
    },
  };
}

/** Two readers whose snapshots overlap, so that there is an old one at any time. */
function holdSnapshots(url: string): { stop(): Promise<void> } {
  const over = new AbortController();
  const readers = [0, READER_MS / 2].map(async (delay) => {
    const client = new pg.Client({ connectionString: url, application_name: 'proof long reader' });
    await client.connect();
    await sleep(delay, undefined, { signal: over.signal }).catch(() => {});
    while (!over.signal.aborted) {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await client.query(OLD_SNAPSHOT);
      await sleep(READER_MS, undefined, { signal: over.signal }).catch(() => {});
      await client.query('COMMIT');
    }
    await client.end();
  });
  return {
    stop: async () => {
      over.abort();
      await Promise.all(readers);
    },
  };
}

function reportFlow({ folder, report }: Stage, undisturbed: Window, disturbed: Window, rate: number): void {
  const writes = readWrites(folder);
  const runs = readRuns(folder);
  const [from, to] = disturbed;
  const published = writes.filter(({ outcome, at }) => outcome === 'committed' && at >= from && at < to);
  report.figure('long-writer-events-per-second', (published.length * 1e3) / (to - from));
  for (const { name } of CONSUMERS) {
    const flow = new Flow(writes, runs, name);
    const usual = percentile(flow.latencies(...undisturbed), 0.99);
    const onTimeMs = Math.max(ON_TIME_MS, usual * ON_TIME_FACTOR);
    const latencies = flow.latencies(from, to);
    const onTime = latencies.filter((ms) => ms <= onTimeMs).length / latencies.length;
    report.figure(`long-writer-p99-ms-without-${name}`, usual);
    report.figure(`long-writer-p99-ms-${name}`, percentile(latencies, 0.99));
    report.atLeast(`long-writer-on-time-${name}`, onTime, 0.99);
    const moments = Array.from({ length: 60 }, (_, index) => from + ((to - from) * (index + 0.5)) / 60);
    const [first, last] = thirds(moments.map((at) => flow.backlog(at))).map(mean) as [number, number];
    // Flat: at the end it is no more than at the beginning, give or take a quarter of a second's events.
    report.atMost(`long-writer-backlog-${name}`, last, first + rate / 4);
  }
}

/** What the holes cost the worker and the server, at the beginning and at the end. */
function reportCost({ folder, report }: Stage, samples: readonly Sample[]): void {
  const writes = readWrites(folder);
  const rolledBack = writes.filter(({ outcome }) => outcome === 'rolled back').length;
  const pieces = Math.max(...samples.map((sample) => sample.pieces));
  report.figure('long-writer-rolled-back-events', rolledBack);
  report.atMost('long-writer-cursor-pieces', pieces, rolledBack + PAGE);
  report.atMost(
    'long-writer-cursor-bytes',
    Math.max(...samples.map((sample) => sample.bytes)),
    pieces * BYTES_A_PIECE + 100,
  );
  const [first, last] = thirds(samples);
  const perEvent = (part: readonly Sample[], key: 'cpuMs' | 'walBytes') => {
    const begin = part[0];
    const end = part.at(-1);
    if (begin === undefined || end === undefined) return Number.NaN;
    const events = writes.filter(
      ({ outcome, at }) => outcome === 'committed' && at >= begin.at && at < end.at,
    );
    return (end[key] - begin[key]) / events.length;
  };
  report.figure('long-writer-wal-bytes-per-event-first', perEvent(first, 'walBytes'));
  report.figure('long-writer-wal-bytes-per-event-last', perEvent(last, 'walBytes'));
  report.figure('long-writer-cpu-ms-per-event-first', perEvent(first, 'cpuMs'));
  report.figure('long-writer-cpu-ms-per-event-last', perEvent(last, 'cpuMs'));
}

async function reportDelivery({ database, folder, report }: Stage): Promise<void> {
  const events = await readEvents(database);
  for (const consumer of CONSUMERS) {
    const verdict = await judge(database, folder, consumer, events);
    report.exactly(`long-writer-lost-${consumer.name}`, verdict.lost, 0);
    report.exactly(`long-writer-order-violations-${consumer.name}`, verdict.orderViolations, 0);
    report.exactly(`long-writer-duplicates-${consumer.name}`, verdict.duplicates, 0);
  }
}
