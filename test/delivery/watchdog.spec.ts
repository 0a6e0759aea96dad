import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom, ReplaySubject, take, toArray } from 'rxjs';
import { Watchdog } from '../../src/delivery/watchdog/watchdog.js';
import { startApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { untilSettled, workUntilSettled } from '../support/until-settled.js';
import { startWorker, type WorkerProcess } from '../support/worker-process.js';

const MAX_ATTEMPTS = 3;
/** The lease of the scripts, and how long their watchdog asks where they stand. */
const LIMIT_MS = 200;
/** Long enough for a process to be busy within it, also on a busy machine. */
const STOPPED_LEASE_MS = 600;
const CONSUMER = { consumerName: 'jobs', eventName: 'job.*', startFrom: 'earliest' };

let database: TestDatabase;
let workers: WorkerProcess[];
let folder: string;
const scripts: ChildProcess[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'nestjs-integration-watchdog-'));
  workers = [];
});
afterEach(async () => {
  for (const process of [...workers, ...scripts.splice(0)]) process.kill('SIGKILL');
  await Promise.all(workers.map((worker) => worker.ended));
  await database.drop();
  await rm(folder, { recursive: true });
});

/** A file that a blocked process waits for: nothing else reaches it. */
const signal = (name: string) => {
  const path = join(folder, name);
  return { path, give: () => writeFile(path, '') };
};

function startWatchedWorker(watchdog: 'report' | 'exit'): WorkerProcess {
  const worker = startWorker(database.url, [CONSUMER], {}, { watchdog });
  workers.push(worker);
  return worker;
}

async function publish(payloads: { n: number; block?: boolean; blockUntil?: string }[]): Promise<number[]> {
  const publisher = await startApp(database, [], { role: 'publisher' });
  const published = await publisher.api.publishEvents(
    payloads.map((payload) => ({
      eventName: 'job.wanted',
      sourceModule: 'test',
      aggregateType: 'job',
      aggregateId: `j${payload.n % 20}`,
      payload,
    })),
  );
  await publisher.close();
  return published.map(({ position }) => position);
}

/** The lines of a stream, and all that came so far. */
function linesOf(stream: Readable): ReplaySubject<string> & { seen: () => string[] } {
  const lines = new ReplaySubject<string>();
  const all: string[] = [];
  const read = createInterface({ input: stream });
  read.on('line', (line) => {
    all.push(line);
    lines.next(line);
  });
  // Whoever waits for a line fails at once if the process has ended without it.
  read.on('close', () => lines.complete());
  return Object.assign(lines, { seen: () => all });
}

function saying(worker: WorkerProcess, text: RegExp): Promise<string> {
  return firstValueFrom(worker.errors$.pipe(filter((line) => text.test(line))));
}

describe('an event whose handler blocks the event loop for good', () => {
  it('is a dead letter after at most 2 + maxAttempts ends with watchdog: exit, and takes no other event with it', async () => {
    await publish(Array.from({ length: 60 }, (_, n) => (n === 33 ? { n, block: true } : { n })));
    const ends = await workUntilSettled(database, {
      consumers: [CONSUMER],
      endedBy: 'SIGKILL',
      options: { watchdog: 'exit' },
    });
    expect(ends).toBeGreaterThan(0);
    expect(ends).toBeLessThanOrEqual(2 + MAX_ATTEMPTS);
    const { rows } = await database.pool.query(
      `SELECT status, attempt_count, o.payload->>'n' AS n FROM integration.inbox_event i
       JOIN integration.outbox_event o ON o.position = i.position WHERE status <> 'processed'`,
    );
    expect(rows).toEqual([{ status: 'dead_letter', attempt_count: MAX_ATTEMPTS, n: '33' }]);
  }, 180_000);
});

describe('watchdog: report', () => {
  it('names handler, consumer, position and code while the loop is blocked, and logs it when it turns again', async () => {
    const enough = signal('enough');
    const [position] = await publish([{ n: 1, blockUntil: enough.path }]);
    const worker = startWatchedWorker('report');
    const report = await saying(worker, /^\[nestjs-integration\].*blocked/);
    expect(report).toMatch(/blocked for \d\.\d s, longer than the lease/);
    expect(report).toMatch(/worker\.mjs:\d+ of consumer "jobs"/);
    expect(report).toContain(`with the event at position ${position}`);
    expect(report).toMatch(/It stands at .*handle \(.*worker\.mjs:\d+\)/);
    await enough.give();
    expect(await saying(worker, /turns again after/)).toContain('Watchdog');
  });
});

describe('a handler that blocks the event loop for longer than the lease', () => {
  it('has handled its event if nobody else took over meanwhile', async () => {
    const enough = signal('enough');
    await publish([{ n: 1, blockUntil: enough.path }]);
    const worker = startWatchedWorker('report');
    const handled: (number | undefined)[] = [];
    worker.lines$.subscribe((line) => 'handled' in line && handled.push(line.handled));
    await saying(worker, /blocked for .* longer than the lease/);
    await enough.give();
    await untilSettled(database, worker);
    expect(handled).toEqual([1]);
  });
});

describe('the watchdog', () => {
  it('does not keep a process alive', async () => {
    const script = `import { Watchdog } from './dist/delivery/watchdog/watchdog.js';
      await new Watchdog('exit', () => 30_000).start();
      console.log('watching');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said: string[] = [];
    child.stdout.on('data', (data) => said.push(String(data)));
    const [code] = await once(child, 'exit');
    expect({ code, said: said.join('') }).toEqual({ code: 0, said: 'watching\n' });
  });

  const withWatchdog = (mode: 'report' | 'exit', code: string, leaseMs = LIMIT_MS, first = '') => `
    import { execSync } from 'node:child_process';
    import { existsSync, writeSync } from 'node:fs';
    import { Watchdog } from './dist/delivery/watchdog/watchdog.js';
    ${first}
    const watchdog = new Watchdog('${mode}', () => ${leaseMs}, ${LIMIT_MS});
    await watchdog.start();
    ${code}`;

  function start(script: string) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    scripts.push(child);
    return child;
  }

  /** Runs a script; what it wrote, and its exit code or signal. */
  async function run(script: string): Promise<{ out: string; err: string; end: unknown }> {
    const child = start(script);
    const [out, err, [code, signal]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    return { out, err, end: code ?? signal };
  }

  /** Holds the event loop up in a call that is not JavaScript, until the file is there or its folder is gone. */
  const callUntil = (path: string) =>
    `execSync('while [ -d ${folder} ] && [ ! -e ${path} ]; do sleep 0.05; done', { stdio: 'ignore' });`;

  it('ends a process that is blocked in a synchronous call, which cannot be asked where it stands', async () => {
    const ended = signal('ended');
    try {
      const { err, end } = await run(withWatchdog('exit', callUntil(ended.path)));
      expect(err).toMatch(/blocked for \d\.\d s.*Where it stands cannot be asked.*The process is ended now/);
      expect(end).toBe('SIGKILL');
    } finally {
      await ended.give();
    }
  });

  it('reports a synchronous call, and goes on watching', async () => {
    const [first, second, seen] = [signal('first'), signal('second'), signal('seen')];
    const child = start(
      withWatchdog(
        'report',
        `${callUntil(first.path)}
         while (!existsSync('${seen.path}')) await new Promise((resolve) => setTimeout(resolve, 10));
         ${callUntil(second.path)}
         console.log(watchdog.isWatching);`,
      ),
    );
    const [out, err] = [linesOf(child.stdout), linesOf(child.stderr)];
    const blocked = err.pipe(filter((line) => line.startsWith('[nestjs-integration] The event loop')));
    const reports = firstValueFrom(blocked.pipe(take(2), toArray()));
    const closed = once(child, 'close');
    await firstValueFrom(blocked);
    await first.give();
    await firstValueFrom(err.pipe(filter((line) => line.includes('turns again'))));
    await seen.give();
    expect(await reports).toHaveLength(2);
    await second.give();
    expect(await closed).toEqual([0, null]);
    expect(out.seen().at(-1)).toBe('true');
  });

  it('spares a process that was stopped past its lease and continued, with exit', async () => {
    // It stops while it is busy, and is busy for a while longer: its own time is less than a lease.
    const child = start(
      withWatchdog(
        'exit',
        `// By then the thread has seen it turn.
         await new Promise((resolve) => setTimeout(resolve, ${LIMIT_MS}));
         writeSync(1, 'watching\\n');
         process.kill(process.pid, 'SIGSTOP');
         for (const from = performance.now(); performance.now() - from < ${STOPPED_LEASE_MS / 3}; );
         await new Promise((resolve) => setTimeout(resolve, ${2 * STOPPED_LEASE_MS}));
         writeSync(1, 'still there\\n');
         await watchdog.close();`,
        STOPPED_LEASE_MS,
      ),
    );
    const [out, closed] = [linesOf(child.stdout), once(child, 'close')];
    await firstValueFrom(out);
    // Nothing tells that it stands still. Whom a first signal has found running still, a later one continues.
    const continuing = setInterval(() => child.kill('SIGCONT'), 1.5 * STOPPED_LEASE_MS);
    closed.finally(() => clearInterval(continuing));
    expect(await closed).toEqual([0, null]);
    expect(out.seen()).toEqual(['watching', 'still there']);
  });

  describe('beside a debugger', () => {
    /**
     * A script with Node's own debugger attached, which lets it run; what both say. The debugger stays until the
     * test is over. Node crashes at times if one leaves while the process ends (docs/decisions/0076).
     */
    async function debugged(script: string) {
      const child = spawn(
        process.execPath,
        ['--inspect-brk=127.0.0.1:0', '--input-type=module', '-e', script],
        {
          env: { ...process.env, NODE_OPTIONS: '' },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
      scripts.push(child);
      const err = linesOf(child.stderr);
      const out = linesOf(child.stdout);
      const listening = await firstValueFrom(err.pipe(filter((line) => line.includes('ws://'))));
      const address = /ws:\/\/([^/]+)/.exec(listening)?.[1] ?? '';
      const ui = spawn(process.execPath, ['inspect', address], {
        env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      scripts.push(ui);
      const shown = linesOf(ui.stdout);
      return {
        said: (text: string) => firstValueFrom(out.pipe(filter((line) => line.includes(text)))),
        out,
        isAtBreakpoint: () => firstValueFrom(shown.pipe(filter((line) => /^> \d+ +debugger/.test(line)))),
        goOn: () => ui.stdin.write('cont\n'),
        reports: () => err.seen().filter((line) => line.startsWith('[nestjs-integration]')),
        reported: () => firstValueFrom(err.pipe(filter((line) => line.includes('blocked')))),
      };
    }

    /** As where a debugger is attached while the event loop is blocked: no tick says so any more. */
    const ATTACHED_SINCE = `process.getBuiltinModule('node:inspector').url = () => undefined;`;

    it.each([
      ['report', 'at any time', ''],
      ['exit', 'at any time', ''],
      ['exit', 'since the last tick', ATTACHED_SINCE],
    ] as const)('leaves its breakpoint alone, with %s, attached %s', async (mode, _when, attached) => {
      const { out, said, isAtBreakpoint, goOn, reports } = await debugged(
        withWatchdog(
          mode,
          `debugger;
           console.log('went on');
           await watchdog.close();
           console.log('closed');`,
          LIMIT_MS,
          attached,
        ),
      );
      await isAtBreakpoint();
      // Four leases, each of which would be enough.
      await sleep(4 * LIMIT_MS);
      expect(out.seen()).toEqual([]);
      goOn();
      await said('closed');
      expect([out.seen(), reports()]).toEqual([['went on', 'closed'], []]);
    });

    it.each(['report', 'exit'] as const)(
      'reports a loop that computes, and ends nothing, with %s',
      async (mode) => {
        const enough = signal('enough');
        const { said, reported, reports } = await debugged(
          withWatchdog(
            mode,
            `while (!existsSync('${enough.path}'));
           await watchdog.close();
           console.log('closed');`,
          ),
        );
        expect(await reported()).toMatch(/blocked for \d\.\d s.*Its inspector is open/);
        // It stands there for four leases. One lease would be enough to end it.
        await sleep(4 * LIMIT_MS);
        await enough.give();
        await said('closed');
        expect(reports()).toHaveLength(1);
      },
    );
  });

  it('says so when its thread has ended', async () => {
    const { out } = await run(
      withWatchdog(
        'report',
        `await watchdog.close();
         process.once('worker', (thread) => thread.once('online', () => setTimeout(() => thread.terminate(), 100)));
         const other = new Watchdog('report', () => ${LIMIT_MS}, ${LIMIT_MS});
         await other.start();
         while (other.isWatching) await new Promise((resolve) => setTimeout(resolve, 10));`,
      ),
    );
    expect(out).toContain('A blocked event loop will not be noticed: its thread has ended');
  });

  const twoEngines = (shorter: string, longer: string, code: string) =>
    withWatchdog(
      'report',
      `let threads = 0;
       process.on('worker', () => threads++);
       const billing = new Watchdog('exit', () => ${longer}, ${LIMIT_MS}, 'billing');
       await billing.start();
       const shop = new Watchdog('report', () => ${shorter}, ${LIMIT_MS});
       await shop.start();
       await watchdog.close();
       shop.enter({ place: 'Shop.on', consumerName: 'c' }, 1);
       billing.enter({ place: 'Billing.on', consumerName: 'c' }, 2);
       ${code}`,
    );

  it('is one thread for several engines, which reports by the shortest lease and ends by that of exit', async () => {
    const { out, err, end } = await run(
      twoEngines(`${LIMIT_MS}`, `${20 * LIMIT_MS}`, 'console.log(threads); for (;;);'),
    );
    expect(out).toBe('0\n');
    const [report = '', ending = '', ...more] = err
      .split('\n')
      .filter((line) => line.startsWith('[nestjs-integration]'));
    for (const text of [report, ending]) {
      expect(text).toContain('Shop.on of consumer "c" with the event at position 1');
      expect(text).toContain('Billing.on of consumer "c" (billing) with the event at position 2');
    }
    expect(report).not.toContain('is ended now');
    expect(ending).toContain('is ended now (watchdog: exit)');
    expect([end, more]).toEqual(['SIGKILL', []]);
  });

  it('goes on for the engines that are left when one has closed', async () => {
    const code = 'await shop.close(); console.log(shop.isWatching, billing.isWatching); for (;;);';
    const { out, err, end } = await run(twoEngines('1_000_000', `${LIMIT_MS}`, code));
    expect(out).toBe('false true\n');
    expect(err).not.toContain('Shop.on');
    expect([end, err]).toEqual(['SIGKILL', expect.stringContaining('Billing.on of consumer "c" (billing)')]);
  });

  it('ends with the application', async () => {
    const app = await startApp(database, []);
    const watchdog = app.context.get(Watchdog, { strict: false });
    expect(watchdog.isWatching).toBe(true);
    await app.close();
    expect(watchdog.isWatching).toBe(false);
  });

  it.each([{ watchdog: 'off' as const }, { role: 'publisher' as const }])(
    'is not there with %j',
    async (options) => {
      const app = await startApp(database, [], options);
      expect(app.context.get(Watchdog, { strict: false }).isWatching).toBe(false);
      await app.close();
    },
  );
});
