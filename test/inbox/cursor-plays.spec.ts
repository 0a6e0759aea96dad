import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { runMigrations } from '../../src/database/migrations/migration-runner.js';
import { CursorReader } from '../../src/inbox/cursor-reader.js';
import { OutboxLogStore } from '../../src/log/outbox-log.store.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/testing/embedded-postgres.js';
import { type CursorKit, CursorStage, type Harm } from '../support/cursor-stage.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/*
 * Each rule of the argument at the head of src/inbox/cursor-reader.ts carries weight. A play on a real database, moved
 * step by step, harms nobody and leaves no hole. `npm run proof:mutants` takes the rule out of the source, and the same
 * play then shows the event that is lost or late.
 */

interface Play {
  readonly name: string;
  readonly play: (stage: CursorStage) => Promise<void>;
}

const REAL: CursorKit = { CursorReader, OutboxLogStore };
const HARMLESS: Harm = { lost: [], outOfOrder: [], holes: [] };

/** A hole to begin with (1), so that there is something to look for; the consumer has read 2. */
async function withAHole(stage: CursorStage) {
  const [early, late] = [await stage.writer(), await stage.writer()];
  await early.run('BEGIN');
  await early.publish('rolled back');
  await early.run('ROLLBACK');
  await late.publish('other');
  const consumer = await stage.consumer();
  await consumer.page();
  return { early, late, consumer };
}

/** A writer that has published and is still open (1); the consumer has read the later position of another (2). */
async function withAnOpenWriter(stage: CursorStage, count = 1) {
  const [early, late] = [await stage.writer(), await stage.writer()];
  await early.run('BEGIN');
  await early.publish('early', count);
  await late.publish('other');
  const consumer = await stage.consumer();
  await consumer.page();
  return { early, late, consumer };
}

const PLAYS: Play[] = [
  {
    name: 'the holes are asked for again with every page',
    play: async (stage) => {
      const { early, consumer } = await withAnOpenWriter(stage);
      await early.run('COMMIT');
      await consumer.page();
    },
  },
  {
    name: 'the holders are waited for',
    play: async (stage) => {
      const { early, consumer } = await withAnOpenWriter(stage);
      await consumer.look();
      await consumer.page();
      await early.run('COMMIT');
    },
  },
  {
    name: 'upto is noted before the holders are read',
    play: async (stage) => {
      const { early, late, consumer } = await withAHole(stage);
      consumer.beforeTheAnswer(async () => {
        await early.run('BEGIN');
        await early.publish('early');
        await late.publish('other');
        await consumer.page();
      });
      await consumer.look();
      await consumer.page();
      await early.run('COMMIT');
    },
  },
  {
    name: 'upto stays what it was when the holders were read',
    play: async (stage) => {
      const { early, late, consumer } = await withAnOpenWriter(stage);
      await consumer.look();
      const newcomer = await stage.writer();
      await newcomer.run('BEGIN');
      await newcomer.publish('newcomer');
      await late.publish('other');
      await consumer.page();
      await early.run('COMMIT');
      await consumer.look();
      await consumer.page();
      await newcomer.run('COMMIT');
    },
  },
  {
    name: 'no more is settled than upto allows, however far has been read meanwhile',
    play: async (stage) => {
      const { early, late, consumer } = await withAHole(stage);
      await consumer.look();
      await early.run('BEGIN');
      await early.publish('early');
      await late.publish('other');
      await consumer.page();
      await early.run('COMMIT');
    },
  },
  {
    name: 'a cursor waits for holders that were read after its own upto was noted, not after another’s',
    play: async (stage) => {
      const { early, late, consumer } = await withAHole(stage);
      const behind = await stage.consumer('another');
      await consumer.look();
      await early.run('BEGIN');
      await early.publish('early');
      await late.publish('other');
      await behind.page();
      await behind.look();
      await behind.page();
      await early.run('COMMIT');
    },
  },
  {
    name: 'a page that was under way when the last holder ended is not the re-read',
    play: async (stage) => {
      const { early, consumer } = await withAnOpenWriter(stage);
      await consumer.look();
      consumer.beforeTheAnswer(async () => {
        await early.run('COMMIT');
        await consumer.look();
      });
      await consumer.page();
    },
  },
  {
    name: 'the holes are read once more after the last holder has ended',
    play: async (stage) => {
      const { early, consumer } = await withAnOpenWriter(stage);
      await consumer.look();
      await early.run('COMMIT');
      await consumer.look();
      await consumer.page();
    },
  },
  {
    name: 'of a re-read that is cut short, only what lies below its last row is settled',
    play: cutShort(2, 1_000_000),
  },
  {
    name: 'a re-read that is cut short in rows says so',
    play: cutShort(2, 1_000_000),
  },
  {
    name: 'a re-read that is cut short in bytes says so',
    play: cutShort(100, 1),
  },
  {
    name: 'a prepared transaction, which no backend runs, holds the sweep',
    play: async (stage) => {
      const { early, late, consumer } = await withAnOpenWriter(stage);
      await consumer.look();
      await early.run(`PREPARE TRANSACTION 'early'`);
      await consumer.look();
      await consumer.page();
      await late.run(`COMMIT PREPARED 'early'`);
    },
  },
  {
    name: 'who is prepared when the last holder has gone is waited for, as a session may go on as a prepared transaction of another id',
    play: preparedUnderAnotherId,
  },
  {
    name: 'who is prepared is noted no sooner than the last holder is seen to have gone',
    play: preparedUnderAnotherId,
  },
  {
    name: 'holes and tail come from one statement',
    play: async (stage) => {
      const { early, late, consumer } = await withAnOpenWriter(stage);
      consumer.beforeTheAnswer(async () => {
        await early.run('COMMIT');
        // It waited for the early one's lock on the aggregate, and has it now.
        await late.publish('early');
      });
      await consumer.page();
    },
  },
  {
    name: 'the parts of a page of very many holes are read in one snapshot',
    play: async (stage) => {
      const { early, late, consumer } = await withVeryManyHoles(stage);
      stage.betweenStatements(async () => {
        await early.run('COMMIT');
        // It waited for the early one's lock on the aggregate, and has it now.
        await late.publish('early');
      });
      await consumer.page();
    },
  },
  {
    name: 'all parts of a page of very many holes are read before what is absent is settled',
    play: async (stage) => {
      const { early, consumer } = await withVeryManyHoles(stage, LAST_HOLE);
      await consumer.page();
      await consumer.look();
      await early.run('COMMIT');
      await consumer.look();
      await consumer.page();
    },
  },
  {
    name: 'of a page of very many holes that ended before its last part, only what lies below its last row is settled',
    play: async (stage) => {
      const { early, late, consumer } = await withVeryManyHoles(stage);
      await late.publish('other');
      await consumer.page();
      const other = await stage.writer();
      await other.run('BEGIN');
      await other.publish('another');
      await late.publish('other');
      await consumer.page();
      await consumer.look();
      await Promise.all([early, other].map((writer) => writer.run('COMMIT')));
      await consumer.look();
      await consumer.page(1);
    },
  },
];

/** More than are asked for in one statement. */
const LAST_HOLE = 29_999;

/** A writer that has published and is still open, at the first position or at another one of very many holes, which nobody fills. */
async function withVeryManyHoles(stage: CursorStage, position = 1) {
  const [early, late] = [await stage.writer(), await stage.writer()];
  const drawNext = (next: number) =>
    late.run(`SELECT setval(pg_get_serial_sequence('integration.outbox_event', 'position'), ${next}, false)`);
  await drawNext(position);
  await early.run('BEGIN');
  await early.publish('early');
  await drawNext(LAST_HOLE + 2);
  const holes = Array.from({ length: (LAST_HOLE + 1) / 2 }, (_, i) => `[${2 * i + 1},${2 * i + 2})`);
  const consumer = await stage.consumer('consumer', `{${holes},[${LAST_HOLE + 2},)}`);
  return { early, late, consumer };
}

/** As on servers where a prepared transaction has a virtual id of its own. */
async function preparedUnderAnotherId(stage: CursorStage): Promise<void> {
  const { early, late, consumer } = await withAnOpenWriter(stage);
  consumer.renamesPrepared = true;
  await consumer.look();
  await early.run(`PREPARE TRANSACTION 'early'`);
  await consumer.look();
  await consumer.page();
  await late.run(`COMMIT PREPARED 'early'`);
}

/** Five positions of one transaction appear at once in the holes, and the page holds fewer. */
function cutShort(rows: number, bytes: number): Play['play'] {
  return async (stage) => {
    const { early, consumer } = await withAnOpenWriter(stage, 5);
    await consumer.look();
    await early.run('COMMIT');
    await consumer.look();
    await consumer.page(rows, bytes);
  };
}

let database: TestDatabase;
let serverWithPrepared: EmbeddedPostgres | undefined;
/** A database whose server keeps prepared transactions, wherever that is. */
let url: string;

beforeAll(async () => {
  database = await createTestDatabase();
  const { rows } = await database.pool.query<{ max: string }>(
    `SELECT current_setting('max_prepared_transactions') AS max`,
  );
  if (Number(rows[0]?.max) > 0) {
    url = database.url;
    return;
  }
  serverWithPrepared = await startEmbeddedPostgres({
    flags: ['-c', 'fsync=off', '-c', 'max_prepared_transactions=10'],
  });
  url = serverWithPrepared.url;
  await runMigrations({ connectionString: url });
});

afterAll(async () => {
  await serverWithPrepared?.stop();
  await database.drop();
});

async function perform(kit: CursorKit, play: Play['play']): Promise<Harm> {
  const stage = await CursorStage.set(url, kit);
  await play(stage);
  return stage.end();
}

describe('the log is read without missing a late commit', () => {
  for (const play of PLAYS) {
    it(`because ${play.name}`, async () => {
      expect(await perform(REAL, play.play)).toEqual(HARMLESS);
    });
  }

  describe('because the identity hands out one position at a time, and nobody else does', () => {
    /** One session draws a position, another a later one, then the first again. */
    async function taking(stage: CursorStage): Promise<void> {
      const [first, second] = [await stage.writer(), await stage.writer()];
      const consumer = await stage.consumer();
      await first.publish('first');
      await second.publish('second');
      await consumer.page();
      await consumer.look();
      await consumer.page();
      await first.publish('first');
      await consumer.page();
    }

    it('nothing is lost with CACHE 1, as the migration has it, and something is with more', async () => {
      expect(await perform(REAL, taking)).toEqual(HARMLESS);
      const admin = new pg.Client({ connectionString: url });
      await admin.connect();
      const cache = (size: number) =>
        admin.query(`ALTER TABLE integration.outbox_event ALTER COLUMN position SET CACHE ${size}`);
      try {
        await cache(10);
        expect((await perform(REAL, taking)).lost).not.toEqual([]);
      } finally {
        await cache(1);
        await admin.end();
      }
    });

    it('a position given by hand is refused', async () => {
      const insert = database.pool.query(
        `INSERT INTO integration.outbox_event (position, event_name, source_module, aggregate_type, aggregate_id)
         VALUES (1, 'a', 'a', 'a', 'a')`,
      );
      await expect(insert).rejects.toMatchObject({ code: '428C9' });
    });
  });
});

describe('a savepoint', () => {
  it('that is rolled back gives up its own positions and no other of its transaction', async () => {
    const harm = await perform(REAL, async (stage) => {
      const [early, late] = [await stage.writer(), await stage.writer()];
      const consumer = await stage.consumer();
      await early.run('BEGIN');
      await early.publish('kept');
      await early.run('SAVEPOINT part');
      await early.publish('given up');
      await early.run('ROLLBACK TO SAVEPOINT part');
      await late.publish('other');
      await consumer.page();
      expect(await consumer.look()).toBe(false);
      await early.run('COMMIT');
      expect(await consumer.look()).toBe(true);
      await consumer.page();
    });
    expect(harm).toEqual(HARMLESS);
  });

  it('that is rolled back lets the sweep pass although its transaction stays open', async () => {
    const harm = await perform(REAL, async (stage) => {
      const [early, late] = [await stage.writer(), await stage.writer()];
      const consumer = await stage.consumer();
      await early.run('BEGIN; SAVEPOINT part');
      await early.publish('given up');
      await early.run('ROLLBACK TO SAVEPOINT part');
      await late.publish('other');
      await consumer.page();
      expect(await consumer.look()).toBe(true);
      await consumer.page();
      await early.publish('after all');
      await late.publish('other');
      await consumer.page();
      expect(await consumer.look()).toBe(false);
      await early.run('COMMIT');
    });
    expect(harm).toEqual(HARMLESS);
  });

  it('that is released leaves its positions to its transaction', async () => {
    const harm = await perform(REAL, async (stage) => {
      const [early, late] = [await stage.writer(), await stage.writer()];
      const consumer = await stage.consumer();
      await early.run('BEGIN; SAVEPOINT part');
      await early.publish('kept');
      await early.run('RELEASE SAVEPOINT part');
      await late.publish('other');
      await consumer.page();
      expect(await consumer.look()).toBe(false);
      await consumer.page();
      await early.run('COMMIT');
    });
    expect(harm).toEqual(HARMLESS);
  });
});

describe('the sweep', () => {
  it.each([false, true])(
    'is not held up by two-phase commits that follow one another without a pause (prepared under another id: %s)',
    async (renamesPrepared) => {
      const harm = await perform(REAL, async (stage) => {
        const { early, late, consumer } = await withAnOpenWriter(stage);
        consumer.renamesPrepared = renamesPrepared;
        const others = await Promise.all([1, 2, 3].map(() => stage.writer()));
        const prepare = async (name: number) => {
          await others[name - 1]?.run('BEGIN');
          await others[name - 1]?.publish('other');
          await others[name - 1]?.run(`PREPARE TRANSACTION 'other ${name}'`);
        };
        const commit = (name: number) => late.run(`COMMIT PREPARED 'other ${name}'`);
        await prepare(1);
        expect(await consumer.look()).toBe(false);
        await prepare(2);
        await commit(1);
        await early.run('COMMIT');
        // No noted holder is left; the second is prepared at that moment.
        expect(await consumer.look()).toBe(false);
        await prepare(3);
        await commit(2);
        expect(await consumer.look()).toBe(true);
        await consumer.page();
        await commit(3);
      });
      expect(harm).toEqual(HARMLESS);
    },
  );

  it('does not wait for a transaction that has published nothing, nor for one that began after it', async () => {
    const harm = await perform(REAL, async (stage) => {
      const stranger = await stage.writer();
      await stranger.run('BEGIN; CREATE TABLE IF NOT EXISTS of_a_stranger (); SELECT pg_current_xact_id()');
      const { early, consumer } = await withAnOpenWriter(stage);
      expect(await consumer.look()).toBe(false);
      const newcomer = await stage.writer();
      await newcomer.run('BEGIN');
      await newcomer.publish('newcomer');
      await early.run('ROLLBACK');
      expect(await consumer.look()).toBe(true);
      await consumer.page();
      await newcomer.run('COMMIT');
    });
    expect(harm).toEqual(HARMLESS);
  });
});
