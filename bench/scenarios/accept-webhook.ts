import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { topSelfTimes } from '../harness/cpu-profile.js';
import { median } from '../harness/statistics.js';
import { PATHS, type ReceiverAnswer } from '../webhooks/receiver-protocol.js';
import { Sender, signedDeliveries } from '../webhooks/sender.js';
import type { Bench, Scenario } from './scenario.js';

const RECEIVER = fileURLToPath(new URL('../webhooks/receiver.js', import.meta.url));
const ALLOWED = 1.6;
const BLOCK = 50;
const ROUNDS = 12;
const QUICK_ROUNDS = 5;
const PROFILE = 'accept-webhook';

interface Round {
  readonly bareMs: number;
  readonly webhookMs: number;
  readonly ratio: number;
}

export const acceptWebhook: Scenario = {
  name: 'accept-webhook',
  promise: 'accepting a webhook beside a bare Nest route that does one INSERT with the same bytes',
  run: async (bench: Bench) => {
    const rounds = await measure(bench);
    const ratio = median(rounds.map((round) => round.ratio));
    bench.report.table(
      `Accepting a webhook of ${Math.round((signedDeliveries(1)[0]?.body.length ?? 0) / 1e3)} kB, one after the other (${rounds.length} rounds)`,
      ['bare route ms', 'webhook ms', '×', 'lowest', 'highest'],
      [
        [
          median(rounds.map(({ bareMs }) => bareMs)),
          median(rounds.map(({ webhookMs }) => webhookMs)),
          ratio,
          Math.min(...rounds.map((round) => round.ratio)),
          Math.max(...rounds.map((round) => round.ratio)),
        ],
      ],
    );
    bench.report.detail('accept-webhook', rounds);
    bench.report.atMost('accept-webhook-vs-bare-route', ratio, ALLOWED);
    if (bench.profile) await tellProfile(bench);
  },
};

/** One process has both routes, in blocks in turn, so that whatever else the machine does falls on both. */
async function measure({ server, sizes, profile, resultsFolder }: Bench): Promise<Round[]> {
  const database = server.nameDatabase();
  await server.create(database);
  const receiver = fork(RECEIVER, [], {
    env: { ...process.env, RECEIVER_DATABASE_URL: database.url },
    execArgv: profile ? ['--cpu-prof', `--cpu-prof-dir=${join(resultsFolder, PROFILE)}`] : [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const sender = new Sender(await addressOf(receiver));
    const requests = sizes.quick ? 200 : 500;
    await round(sender, sizes.quick ? 1_000 : 2_000);
    const rounds: Round[] = [];
    for (let done = 0; done < (sizes.quick ? QUICK_ROUNDS : ROUNDS); done++)
      rounds.push(await round(sender, requests));
    sender.close();
    return rounds;
  } finally {
    const ended = once(receiver, 'exit');
    if (receiver.connected) {
      receiver.disconnect();
      await ended;
    }
    await database.drop();
  }
}

async function addressOf(receiver: ChildProcess): Promise<string> {
  const [answer] = await Promise.race([
    once(receiver, 'message'),
    once(receiver, 'exit').then(() => Promise.reject(new Error('the receiver ended before it was up'))),
  ]);
  return (answer as ReceiverAnswer).url;
}

async function round(sender: Sender, requests: number): Promise<Round> {
  const times = { bare: [] as number[], webhook: [] as number[] };
  for (let done = 0; done < requests; done += BLOCK) {
    times.bare.push(await timeBlock(sender, PATHS.bare));
    times.webhook.push(await timeBlock(sender, PATHS.webhook));
  }
  const ratios = times.webhook.map((ms, block) => ms / (times.bare[block] as number));
  return { bareMs: median(times.bare), webhookMs: median(times.webhook), ratio: median(ratios) };
}

/** Milliseconds for one. Signing is the sender's, and done before. */
async function timeBlock(sender: Sender, path: string): Promise<number> {
  const deliveries = signedDeliveries(BLOCK);
  const startedAt = performance.now();
  for (const delivery of deliveries) await sender.send(path, delivery);
  return (performance.now() - startedAt) / BLOCK;
}

async function tellProfile({ report, resultsFolder }: Bench): Promise<void> {
  const folder = join(resultsFolder, PROFILE);
  const [file] = (await readdir(folder)).sort().slice(-1);
  if (file === undefined) return;
  const profile = JSON.parse(await readFile(join(folder, file), 'utf8'));
  report.table(
    'Where the time of the receiver went (self time, idle left out)',
    ['function', 'where', '% of busy time', 'ms'],
    topSelfTimes(profile, 30).map(({ name, where, share, milliseconds }) => [
      name,
      where,
      share * 100,
      milliseconds,
    ]),
  );
}
