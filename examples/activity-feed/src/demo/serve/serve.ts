import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { ConsumerService } from 'nestjs-integration';
import { Closing } from '../closing.js';
import { writeFigures } from '../figures.js';
import type { DemoOptions } from '../options.js';
import { done, heading, line } from '../screen.js';
import { type Stage, setStage } from '../stage.js';
import { checkServing } from './checks-of-serving.js';
import { flow } from './flow.js';
import { Troubles, takeDown } from './troubles.js';

/** On a busy machine it takes longer until the first event is a dead letter. */
const SECONDS_FOR_TROUBLE = 30;

/** Serves until the signal, or for as long as the options say; true if everything that was checked held. */
export async function runServe(options: DemoOptions, signal: AbortSignal): Promise<boolean> {
  const closing = new Closing();
  const ending = new AbortController();
  try {
    const startedAt = new Date();
    const troubles = new Troubles(options.seed);
    const until = AbortSignal.any([signal, ending.signal]);
    const stage = { ...(await setStage(options, signal, closing, troubles.plan)), signal: until };
    await pauseArchive(stage);
    const { ADMIN_PATH } = await import('./served.module.js');
    const adminUrl = `${stage.appUrl}/${ADMIN_PATH}`;
    printAddresses(stage, adminUrl);

    const flowing = flow(stage, troubles).then((accepted) =>
      line(`\n${accepted} deliveries have come in, and no more will. The dashboard stays.`),
    );
    const ended = Promise.all([flowing, takeDown(stage.receiver, stage.destinations, until)]).catch(
      (error: unknown) => {
        if (!until.aborted) throw error;
      },
    );
    // Closed first of all: nobody sends to an application that is closing.
    closing.add(async () => {
      ending.abort();
      await ended;
    });
    await Promise.race([served(options, signal), ended.then(() => once(until, 'abort'))]);
    if (signal.aborted || options.forSeconds === undefined) {
      line('\nStopping …');
      return true;
    }
    return await check(stage, adminUrl, startedAt);
  } finally {
    await closing.close();
  }
}

async function pauseArchive({ app }: Stage): Promise<void> {
  const { ARCHIVE } = await import('./archive.subscriber.js');
  const author = { by: 'the demo', reason: 'its disk is nearly full' };
  await app.get(ConsumerService, { strict: false }).pause(ARCHIVE, author);
}

function printAddresses({ options, receiver }: Stage, adminUrl: string): void {
  heading('Deliveries come in, and some of them fail');
  line(`Dashboard     ${adminUrl}/ui   (nobody has to sign in; this machine only)`);
  line(`Admin API     ${adminUrl}`);
  line(`Receiver      ${receiver.url}`);
  line(`DATABASE_URL  ${process.env.DATABASE_URL}`);
  line();
  line(
    'What goes wrong, for you to find and mend: examples/activity-feed/README.md, "With data to look at".',
  );
  line('Commands work as well: DATABASE_URL=… node dist/bin/main.js status');
  line();
  if (options.forSeconds === undefined) done('Running until Ctrl-C');
  else done(`Running for ${options.forSeconds} s`);
}

async function served({ forSeconds }: DemoOptions, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  if (forSeconds === undefined) await once(signal, 'abort');
  else await delay(forSeconds * 1000, undefined, { signal }).catch(() => {});
}

async function check(stage: Stage, adminUrl: string, startedAt: Date): Promise<boolean> {
  const look = () => checkServing(adminUrl, stage);
  let checks = await look();
  for (let again = 0; !checks.ok && again < SECONDS_FOR_TROUBLE; again++) {
    await delay(1_000, undefined, { signal: stage.signal });
    checks = await look();
  }
  checks.print();
  if (stage.options.json !== undefined) {
    await writeFigures(stage.options.json, await stage.ledger.serverVersion(), {
      startedAt,
      checks: checks.all,
      details: { options: stage.options },
    });
  }
  return checks.ok;
}
