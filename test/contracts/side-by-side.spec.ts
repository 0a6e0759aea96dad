import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from '@jest/globals';
import { inboxRows } from '../support/inbox-rows.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const OLD_SHARES = ['shared'];
const YOUNG_SHARES = ['shared', 'new'];
/** The event in whose handler the old process is when it is killed. */
const HELD = 60;

interface Seen {
  readonly consumer: string;
  readonly version: number;
  readonly payload: { readonly n: number };
  readonly attempt: number;
}

type Line =
  | { readonly ready: true }
  | { readonly published: number }
  | { readonly begun: Seen }
  | { readonly handled: Seen };

let database: TestDatabase | undefined;
const releases: Release[] = [];

afterEach(async () => {
  for (const release of releases.splice(0)) await release.end('SIGKILL');
  await database?.drop();
  database = undefined;
});

/** A process of one release (test/support/processes/contract-release.mjs). */
class Release {
  private readonly lines = new Recorder<Line>();
  private readonly published = new Recorder<number>();
  /** What its handlers have come to the end of, by consumer. */
  private readonly handledBy = new Map<string, Recorder<Seen>>();

  private constructor(private readonly child: ChildProcess) {
    if (child.stdout === null) throw new Error('its standard output is piped');
    createInterface({ input: child.stdout }).on('line', (text) => {
      if (!text.startsWith('{')) return;
      const line = JSON.parse(text) as Line;
      if ('published' in line) this.published.record(line.published);
      if ('handled' in line) this.handled(line.handled.consumer).record(line.handled);
      this.lines.record(line);
    });
  }

  static async start(
    { url }: TestDatabase,
    version: 1 | 2,
    consumers: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Release> {
    const child = spawn(process.execPath, ['test/support/processes/contract-release.mjs'], {
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        DATABASE_URL: url,
        VERSION: String(version),
        CONSUMERS: JSON.stringify(consumers),
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    const release = new Release(child);
    releases.push(release);
    await release.lines.find((line) => 'ready' in line);
    return release;
  }

  /** Publishes in the version that it knows, and resolves when all is committed. */
  async publish(...events: readonly { n: number; aggregateId?: string }[]): Promise<void> {
    const before = this.published.all.length;
    this.child.send(events.map(({ n, aggregateId = `a${n}` }) => ({ n, aggregateId })));
    await this.published.first(before + 1);
  }

  handled(consumer: string): Recorder<Seen> {
    const known = this.handledBy.get(consumer) ?? new Recorder<Seen>();
    this.handledBy.set(consumer, known);
    return known;
  }

  begins(n: number): Promise<Line> {
    return this.lines.find((line) => 'begun' in line && line.begun.payload.n === n);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    await ended;
  }
}

const numbers = (seen: readonly Seen[]) => seen.map(({ payload }) => payload.n).sort((a, b) => a - b);
const from = (start: number, count: number) => Array.from({ length: count }, (_, index) => start + index);

describe('an old and a new process side by side', () => {
  it.each([
    ['is closed', 'SIGTERM', []],
    ['is killed in the midst of a handler', 'SIGKILL', [HELD]],
  ] as const)(
    'each handler sees the version that it knows, and nothing is lost when the old one %s',
    async (_, signal, held) => {
      database = await createTestDatabase();
      const old = await Release.start(database, 1, OLD_SHARES, { HOLDS_AT: String(held[0]) });
      await old.publish(...from(0, 5).map((n) => ({ n })));
      await old.handled('shared').first(5);
      const young = await Release.start(database, 2, YOUNG_SHARES);

      // Both publish while both run. Three events are of one aggregate, so that the third has to wait for the second.
      for (const n of from(5, 5)) {
        await young.publish({ n: 100 + n });
        await old.publish({ n });
      }
      await old.publish({ n: 50, aggregateId: 'mixed' });
      await young.publish({ n: 51, aggregateId: 'mixed' });
      await old.publish({ n: 52, aggregateId: 'mixed' });

      // The old process owns the shared consumer. It handles its own version and puts the newer one off.
      const ofOld = await old.handled('shared').first(11);
      expect(numbers(ofOld)).toEqual([...from(0, 10), 50]);
      expect(new Set(ofOld.map(({ version }) => version))).toEqual(new Set([1]));
      const putOff = await until('six events are put off', async () => {
        const rows = await inboxRows(database as TestDatabase, 'shared');
        const found = rows.filter(({ error }) => /is stored in version 2.*knows version 1/.test(error ?? ''));
        return found.length === 6 && found;
      });
      expect(new Set(putOff.map(({ attempts }) => attempts))).toEqual(new Set([0]));
      for (const n of held) {
        await old.publish({ n });
        await old.begins(n);
      }
      await old.end(signal);

      // The new process takes the consumer over. It handles what was put off, and what the old one did not end.
      const ofYoung = await young.handled('shared').first(7 + held.length);
      expect(numbers(ofYoung)).toEqual([51, 52, ...held, ...from(105, 5)]);
      const ofNew = await young.handled('new').first(18 + held.length);
      expect(numbers(ofNew)).toEqual([...from(0, 10), 50, 51, 52, ...held, ...from(105, 5)]);
      for (const { version, payload } of [...ofYoung, ...ofNew])
        expect([version, payload]).toEqual([2, { n: payload.n, cents: 100 }]);
      const order = ofYoung.map(({ payload }) => payload.n);
      expect(order.indexOf(51)).toBeLessThan(order.indexOf(52));
      // No attempt was counted while they were put off.
      const first = ofYoung.filter(({ payload }) => payload.n !== HELD);
      expect(new Set(first.map(({ attempt }) => attempt))).toEqual(new Set([1]));
      await young.end('SIGTERM');
      expect(young.handled('shared').all).toHaveLength(7 + held.length);
      const rows = await inboxRows(database, 'shared');
      expect(rows.filter(({ status }) => status === 'dead_letter')).toEqual([]);
    },
  );
});
