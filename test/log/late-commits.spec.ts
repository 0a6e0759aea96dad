import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DomainEvent } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { hearLog, type LogLines, silenceLog } from '../support/log-lines.js';
import { seededRandom } from '../support/random.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type FuzzPayload, runWriters, sitOnOtherTables, type Written } from '../support/writers.js';

const EVENTS = Number(process.env.FUZZ_EVENTS ?? 15_000);
const CRASHES = 24;
const GIVE_UP_MS = 60_000;
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_007);

/** What one consumer was given, in the order in which it was given for the first time. */
class Recorder {
  readonly started = new Map<string, DomainEvent>();
  readonly succeeded = new Map<string, DomainEvent>();
  readonly handler: (event: DomainEvent) => Promise<void>;

  /** `failing`: the share of events whose first try fails. */
  constructor(random: { chance(probability: number): boolean }, failing: number) {
    this.handler = async (event) => {
      const isFirst = !this.started.has(event.outboxEventId);
      if (isFirst) this.started.set(event.outboxEventId, event);
      // Some handlers take a while, so that a crash finds them running.
      if (random.chance(0.2))
        await new Promise((resolve) => setTimeout(resolve, random.chance(0.05) ? 20 : 1));
      if (isFirst && random.chance(failing)) throw new Error('not at the first try');
      if (!this.succeeded.has(event.outboxEventId)) this.succeeded.set(event.outboxEventId, event);
    };
  }
}

/** Events that came after a later one of their aggregate. */
function outOfOrder(events: Iterable<DomainEvent>): DomainEvent[] {
  const last = new Map<string, number>();
  return [...events].filter((event) => {
    const { sequence } = event.payload as FuzzPayload;
    if (sequence === undefined) return false;
    const before = last.get(event.aggregateId) ?? 0;
    last.set(event.aggregateId, Math.max(before, sequence));
    return sequence !== before + 1;
  });
}

describe(`16 writers with rollbacks, savepoints and long transactions, two processes that crash (FUZZ_SEED=${seed})`, () => {
  const random = seededRandom(seed);
  const recorders = { steady: new Recorder(random, 0), flaky: new Recorder(random, 0.02) };
  let database: TestDatabase;
  let apps: TestApp[] = [];
  let written: Written;
  let lines: LogLines;
  /** How many connections or leases each crash has ended. */
  const hit: number[] = [];
  let unread: string[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    lines = hearLog();
    const subscribers = Object.entries(recorders).map(([consumerName, { handler }]) => ({
      eventName: 'thing.*',
      consumerName,
      handler,
      concurrency: 20,
      retry: { maxAttempts: 100 },
    }));
    const settings = { pollingIntervalMs: 100, idlePollingIntervalMs: 200 };
    apps = await Promise.all([1, 2].map(() => startApp(database, subscribers, { settings })));
    const letGo = await sitOnOtherTables(database.url);
    const crashes: Promise<void>[] = [];
    written = await runWriters(database.url, {
      seed,
      events: EVENTS,
      writers: 14,
      longWriters: 2,
      onProgress: (committed) => {
        if (committed >= ((crashes.length + 0.5) * EVENTS) / CRASHES) crashes.push(crash());
      },
    });
    await Promise.all(crashes);
    // The stranger's transactions go on: they have published nothing, so they hold no hole open.
    unread = await untilNothingIsLeft();
    await letGo();
  }, 540_000);

  afterAll(async () => {
    silenceLog();
    await Promise.all(apps.map((app) => app.close()));
    await database.drop();
  }, 60_000);

  /** The engine's connections are cut, or its leases are taken away: what the consumers hold in memory is dropped unsaved. */
  async function crash(): Promise<void> {
    const { rowCount } = await database.pool.query(
      random.chance(0.6)
        ? `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE application_name LIKE 'nestjs-integration%' AND datname = current_database()`
        : `UPDATE integration.inbox_cursor SET lease_token = NULL, lease_owner = NULL, lease_expires_at = NULL`,
    );
    hit.push(rowCount ?? 0);
  }

  /**
   * Resolves, with what the cursors say, once they have settled everything, or when nothing has been handled for a while: however
   * busy the machine is, something is.
   */
  async function untilNothingIsLeft(): Promise<string[]> {
    const handled = () => Object.values(recorders).reduce((sum, { succeeded }) => sum + succeeded.size, 0);
    let [before, since] = [handled(), performance.now()];
    for (;;) {
      const { rows } = await database.pool.query<{ unread: string }>(
        'SELECT unread::text AS unread FROM integration.inbox_cursor ORDER BY consumer_name',
      );
      const found = rows.map((row) => row.unread);
      const isDone = handled() >= 2 * written.committed.size;
      if (isDone && found.every((text) => !text.includes(',['))) return found;
      if (handled() > before) [before, since] = [handled(), performance.now()];
      if (performance.now() - since > GIVE_UP_MS) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  it('writes what it says, and crashes as often as it should', async () => {
    const { rows } = await database.pool.query<{ id: string }>('SELECT id FROM integration.outbox_event');
    expect(new Set(rows.map((row) => row.id))).toEqual(written.committed);
    expect(written.committed.size).toBeGreaterThanOrEqual(EVENTS);
    expect(written.rolledBack.size).toBeGreaterThan(EVENTS / 20);
    // Crashes cut connections or take leases away. What follows is said once a minute. That a lease is gone shows in a beat or in a save.
    expect(hit.filter((rows) => rows > 0).length).toBeGreaterThanOrEqual(20);
    const said = lines.texts('warn').join('\n');
    expect(said).toContain('is claimed again');
    expect(said).toMatch(/what is unsaved here is dropped|unsaved outcomes are dropped/);
  });

  for (const [name, recorder] of Object.entries(recorders)) {
    it(`delivers every committed event to the ${name} consumer`, () => {
      const lost = [...written.committed].filter((id) => !recorder.succeeded.has(id));
      expect(lost).toEqual([]);
    });

    it(`never delivers an event that was rolled back to the ${name} consumer`, () => {
      expect([...written.rolledBack].filter((id) => recorder.started.has(id))).toEqual([]);
    });

    it(`keeps the order of each aggregate for the ${name} consumer, retries included`, () => {
      expect(outOfOrder(recorder.started.values())).toEqual([]);
      expect(outOfOrder(recorder.succeeded.values())).toEqual([]);
    });
  }

  it('leaves no hole: every cursor is one open range', () => {
    expect(unread).toHaveLength(2);
    for (const text of unread) expect(text).toMatch(/^\{\[\d+,\)\}$/);
  });
});
