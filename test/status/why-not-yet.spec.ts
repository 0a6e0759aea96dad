import { hostname } from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AdminDatabase } from '../../src/database/admin-database.js';
import {
  ConsumerBacklogService,
  type DomainEvent,
  EventLookService,
  PostponeError,
  ProblemService,
  UnavailableError,
  type WhyNotYet,
} from '../../src/index.js';
import { WhyNotYetService } from '../../src/status/why-not-yet.service.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { type AdminApp, startAdminApp } from '../admin/admin-app.js';
import { startApp, type TestApp } from '../support/app.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { type Gate, gate } from '../support/gate.js';
import { pauseAndWait } from '../support/pause.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { startWorker } from '../support/worker-process.js';

const HOUR_MS = 3_600_000;
/** Renewals of leases are far apart. So whatever is known of attempts comes from reports. */
const SETTINGS = {
  settings: {
    retryBaseDelayMs: HOUR_MS,
    retryMaxDelayMs: HOUR_MS,
    processingLeaseMs: 600_000,
    handlerTimeoutMs: HOUR_MS,
  },
};

let database: TestDatabase;
let admin: AdminApp;
let app: TestApp;
let hold: Gate;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = await startAdminApp(database);
});
afterAll(async () => {
  await admin.close();
  await database.drop();
});
beforeEach(() => {
  hold = gate();
});
afterEach(async () => {
  hold.open();
  await app.close();
});

/** Starts an application with one consumer, which asks for `<name>.made`. */
async function start(name: string, more: Partial<AnySubscriberDefinition>, options: object = SETTINGS) {
  const names = { consumerName: name, eventName: `${name}.made`, handler: async () => {} };
  app = await startApp(database, [{ ...names, ...more } as AnySubscriberDefinition], options);
}

/** Publishes an event of each of these entities, in this order. */
async function publish(
  name: string,
  entities: readonly string[],
  more: object = {},
  from = app,
): Promise<string[]> {
  const published = await from.api.publishEvents(
    entities.map((aggregateId) => ({
      eventName: `${name}.made`,
      sourceModule: 'test',
      aggregateType: name,
      aggregateId: `${name}-${aggregateId}`,
      payload: {},
      ...more,
    })),
  );
  return published.map(({ outboxEventId }) => outboxEventId);
}

/** How long something has been so differs from one look to the next. */
const words = (sentence: string) => sentence.replace(/\b\d+ (s|min|h|d)\b/g, '<time>');

const service = () => new WhyNotYetService(app.context.get(AdminDatabase, { strict: false }));

async function whyOf(id: string, consumer: string): Promise<WhyNotYet | null> {
  const event = await app.context.get(EventLookService).head(id);
  if (event === undefined) throw new Error(`there is no event ${id}`);
  const [report] = await service().reportsOf([event]);
  const delivery = report?.consumers.find(({ consumerName }) => consumerName === consumer);
  if (delivery === undefined) throw new Error(`${consumer} does not get ${id}`);
  return delivery.why;
}

/** The reason, once it is that. */
function whyIs<C extends WhyNotYet['code']>(id: string, consumer: string, code: C) {
  return until(`it is ${code}`, async () => {
    const why = await whyOf(id, consumer);
    return why?.code === code && (why as Extract<WhyNotYet, { code: C }>);
  });
}

interface Said {
  readonly consumerName: string;
  readonly why: WhyNotYet | null;
}

/**
 * Checks that the REST API, the timeline of the entity and the command say the same words as the service.
 */
async function saysEverywhere(id: string, consumer: string, expected: WhyNotYet): Promise<void> {
  const sentence = words(expected.sentence);
  const of = (consumers: readonly Said[]) =>
    consumers.find(({ consumerName }) => consumerName === consumer)?.why;
  const { json: event } = await admin.ask(`events/${id}`);
  const { json: timeline } = await admin.ask(`entities/${event.aggregateType}/${event.aggregateId}/timeline`);
  const { result } = await runJsonCommand(['events', 'show', id], database);
  const inTimeline = timeline.items.find(
    ({ outboxEventId }: { outboxEventId: string }) => outboxEventId === id,
  );
  for (const consumers of [event.consumers, inTimeline.consumers, result.consumers]) {
    const why = of(consumers);
    expect(why?.code).toBe(expected.code);
    expect(words(why?.sentence ?? '')).toBe(sentence);
  }
  const { stdout } = await runCommand(['events', 'show', id], database);
  expect(words(stdout)).toContain(`  ${consumer}: ${sentence}`);
}

/** The same of the event in the backlog of its consumer. */
async function saysInBacklog(
  id: string,
  consumer: string,
  state: string,
  expected: WhyNotYet,
): Promise<void> {
  const { json } = await admin.ask(`consumers/${consumer}/backlog?state=${state}`);
  const item = json.items.find(({ outboxEventId }: { outboxEventId: string }) => outboxEventId === id);
  expect(item?.why?.code).toBe(expected.code);
  expect(words(item?.why?.sentence ?? '')).toBe(words(expected.sentence));
  const { stdout } = await runCommand(['consumers', 'show', consumer, '--state', state], database);
  expect(words(stdout)).toContain(`${item?.position}: ${words(expected.sentence)}`);
}

/** What lists of events say of it at one consumer. */
async function statusAt(id: string, consumer: string): Promise<string | undefined> {
  const report = await app.outbox.statusOf(id);
  return report?.consumers.find(({ consumerName }) => consumerName === consumer)?.status;
}

const here = `${hostname()}, pid ${process.pid}`;

describe('an event was not handled yet, because', () => {
  it('its consumer is paused: by whom, since when and why', async () => {
    await start('paused', {});
    await pauseAndWait(app.consumers, 'paused', { by: 'ann', reason: 'incident 4711' });
    const [id = ''] = await publish('paused', ['a']);
    const why = await whyIs(id, 'paused', 'paused');
    expect(why).toMatchObject({ by: 'ann', because: 'incident 4711', since: expect.any(Date) });
    expect(words(why.sentence)).toBe(
      'paused was paused by ann <time> ago, because of "incident 4711". It goes on when somebody resumes it.',
    );
    await saysEverywhere(id, 'paused', why);
    await saysInBacklog(id, 'paused', 'pending', why);
    await app.consumers.resume('paused');
    await until('it is handled', async () => (await whyOf(id, 'paused')) === null);
  });

  it('its handler runs: for how long and where; the next of its entity waits behind it, and others in the queue', async () => {
    await start('running', { concurrency: 1, handler: () => hold.opened });
    const [first = '', second = '', other = ''] = await publish('running', ['a', 'a', 'b']);
    const why = await whyIs(first, 'running', 'running');
    expect(why).toMatchObject({ attempt: 1, events: 1, process: { host: hostname(), pid: process.pid } });
    expect(words(why.sentence)).toBe(`It has been running for <time> in process ${here}, attempt 1.`);
    await saysEverywhere(first, 'running', why);
    await saysInBacklog(first, 'running', 'pending', why);
    expect(await statusAt(first, 'running')).toBe('processing');
    expect(await statusAt(second, 'running')).toBe('pending');

    const behind = await whyIs(second, 'running', 'behind-entity');
    const { position } = (await app.context.get(EventLookService).head(first)) ?? {};
    expect(behind.earlier).toMatchObject({ position, outboxEventId: first, state: 'running' });
    expect(words(behind.sentence)).toBe(
      `It waits behind position ${position} of its entity, which has been running for <time> in process ${here}.`,
    );
    await saysEverywhere(second, 'running', behind);

    const queued = await whyIs(other, 'running', 'queue');
    expect(queued.ahead).toEqual({ count: 2, atLeast: false });
    expect(queued.sentence).toMatch(/^2 events are before it/);
    await saysInBacklog(other, 'running', 'pending', queued);
  });

  it('a batch runs that it is in', async () => {
    await start('batched', { batch: { maxSize: 3, maxWaitMs: 60_000 }, handler: () => hold.opened } as never);
    const ids = await publish('batched', ['a', 'b', 'c']);
    const why = await whyIs(ids[2] ?? '', 'batched', 'running');
    expect(words(why.sentence)).toBe(
      `Its batch of 3 events has been running for <time> in process ${here}, attempt 1.`,
    );
    await saysEverywhere(ids[1] ?? '', 'batched', why);
    for (const id of ids) expect(await statusAt(id, 'batched')).toBe('processing');
  });

  it('its retry is to come; and the next of its entity waits for that', async () => {
    const fail = () => {
      throw new Error('no room');
    };
    await start('failing', { handler: fail });
    const [first = '', second = ''] = await publish('failing', ['a', 'a']);
    const why = await whyIs(first, 'failing', 'retry');
    expect(words(why.sentence)).toBe('Attempt 1 failed. It is tried again in <time>.');
    expect(why.at.getTime()).toBeGreaterThan(Date.now() + HOUR_MS / 4);
    await saysEverywhere(first, 'failing', why);
    await saysInBacklog(first, 'failing', 'retrying', why);

    const behind = await whyIs(second, 'failing', 'behind-entity');
    expect(behind.earlier).toMatchObject({ outboxEventId: first, state: 'retry', at: why.at });
    expect(words(behind.sentence)).toBe(
      `It waits behind position ${behind.earlier?.position} of its entity, which is tried again in <time>.`,
    );
    await saysEverywhere(second, 'failing', behind);
    await saysInBacklog(second, 'failing', 'waiting', behind);
  });

  it('its handler has put it off; and the next of its entity waits for that', async () => {
    const putOff = () => {
      throw new PostponeError(HOUR_MS, 'not open yet');
    };
    await start('postponing', { handler: putOff });
    const [first = '', second = ''] = await publish('postponing', ['a', 'a']);
    const why = await whyIs(first, 'postponing', 'postponed');
    expect(words(why.sentence)).toBe(
      'Its handler has put it off for <time> by now. It runs again in <time>.',
    );
    await saysEverywhere(first, 'postponing', why);
    await saysInBacklog(first, 'postponing', 'postponed', why);
    const behind = await whyIs(second, 'postponing', 'behind-entity');
    expect(words(behind.sentence)).toMatch(/which was put off, and runs again in <time>\.$/);
    await saysEverywhere(second, 'postponing', behind);
  });

  it('it was published for later', async () => {
    await start('delayed', {});
    const [id = ''] = await publish('delayed', ['a'], { delayMs: HOUR_MS });
    const why = await whyIs(id, 'delayed', 'not-before');
    expect(words(why.sentence)).toBe('It was published for later, and is due in <time>.');
    await saysEverywhere(id, 'delayed', why);
    await until('it is put aside', async () => {
      const { items } = await app.context.get(ConsumerBacklogService).events('delayed', 'delayed');
      return items.length === 1;
    });
    await saysInBacklog(id, 'delayed', 'delayed', why);
  });

  it('its handlers cannot reach what they need', async () => {
    const fail = () => {
      throw new UnavailableError('connect ECONNREFUSED', { retryAfterMs: HOUR_MS });
    };
    await start('cut-off', { handler: fail });
    const [id = ''] = await publish('cut-off', ['a']);
    const why = await whyIs(id, 'cut-off', 'unavailable');
    expect(words(why.sentence)).toMatch(
      /^cut-off has not reached what it needs for <time>: .*connect ECONNREFUSED/,
    );
    expect(why.process).toMatchObject({ host: hostname(), pid: process.pid });
    await saysEverywhere(id, 'cut-off', why);
  });

  it('its consumer changes the number of its partitions', async () => {
    const begun = gate();
    const handler = () => {
      begun.open();
      return hold.opened;
    };
    await start('moving', { concurrency: 1, handler });
    const [, second = ''] = await publish('moving', ['a', 'b']);
    await begun.opened;
    await app.consumers.repartition('moving', 4, { timeoutMs: 1 });
    const why = await whyIs(second, 'moving', 'changing-partitions');
    expect(words(why.sentence)).toBe(
      'moving has been changing to 4 partitions for <time>, and begins nothing until that is done.',
    );
    await saysEverywhere(second, 'moving', why);
  });

  it('handlers are switched off in the processes that have one', async () => {
    await start('switched', {}, { settings: { ...SETTINGS.settings, 'processor.enabled': false } });
    const [id = ''] = await publish('switched', ['a']);
    const why = await whyIs(id, 'switched', 'handlers-off');
    expect(why.sentence).toBe(
      `Handlers are switched off in ${here}, and no other process has a handler of switched.`,
    );
    await saysEverywhere(id, 'switched', why);
    await saysInBacklog(id, 'switched', 'pending', why);
  });

  it('no process has its handler; or the code of those that know the consumer lacks one of its names', async () => {
    await start('gone', {});
    await app.close();
    await start('another', {});
    const [id = ''] = await publish('gone', ['a']);
    const why = await whyIs(id, 'gone', 'no-handler');
    expect(words(why.sentence)).toBe('No process has a handler of gone. The last one was seen <time> ago.');
    await saysEverywhere(id, 'gone', why);
    await app.close();

    await database.pool.query(
      `UPDATE integration.inbox_cursor SET event_names = event_names || '{gone.again}' WHERE consumer_name = 'gone'`,
    );
    await start('gone', {});
    const lacking = await until('it is known', async () => {
      const found = await whyOf(id, 'gone');
      return found?.code === 'no-handler' && found.lacking.length === 1 && found;
    });
    expect(lacking.sentence).toBe(
      `No process can take gone: the code of ${here} lacks a handler for some of its event names.`,
    );
    await saysEverywhere(id, 'gone', lacking);
  });

  it('the process that works on its consumer has died', async () => {
    await start('bystander', {});
    const consumers = [{ consumerName: 'orphan', eventName: 'orphan.made', concurrency: 1 }];
    const worker = startWorker(database.url, consumers, { processingLeaseMs: 600_000 });
    const [first = '', id = ''] = await until('it is registered', async () => {
      const listed = await app.consumers.list({ consumerName: 'orphan' });
      return (
        listed[0]?.owner?.pid === worker.pid && publish('orphan', ['a', 'b'], { payload: { block: true } })
      );
    });
    expect(first).not.toBe(id);
    worker.kill('SIGKILL');
    await worker.ended;
    const why = await whyIs(id, 'orphan', 'no-owner');
    expect(words(why.sentence)).toBe(
      `Process ${hostname()}, pid ${worker.pid}, which works on orphan, has lost its connection to the database. Another process can take over in <time>.`,
    );
    await saysEverywhere(id, 'orphan', why);
  });
});

describe('an event waits for nothing', () => {
  it('once it is handled, skipped or a dead letter', async () => {
    await start('ended', {
      retry: { maxAttempts: 1 },
      handler: async ({ aggregateId }: DomainEvent) => {
        if (aggregateId === 'ended-dead') throw new Error('no');
      },
    });
    const ids = await publish('ended', ['fine', 'dead']);
    await app.processor.drain();
    for (const id of ids) expect(await whyOf(id, 'ended')).toBeNull();
    const { stdout } = await runCommand(['events', 'show', ids[1] ?? ''], database);
    expect(stdout).not.toContain('Why not yet');
  });
});

describe('a consumer never gets an event, because', () => {
  it('it begins behind it, or does not ask for its name', async () => {
    await start('early', {});
    const [id = ''] = await publish('early', ['a']);
    await app.close();
    await start('late', { eventName: 'early.*', startFrom: 'latest' });
    await until(
      'it is registered',
      async () => (await app.consumers.list({ consumerName: 'late' })).length > 0,
    );
    await app.close();
    await start('stranger', { eventName: 'strange.*' });
    const event = await app.context.get(EventLookService).head(id);
    if (event === undefined) throw new Error('there is no event');
    const { items } = await service().leftOut(event);
    const whyNever = (name: string) => items.find(({ consumerName }) => consumerName === name)?.why;
    expect(whyNever('late')).toEqual({
      code: 'begins-behind',
      startsAt: event.position + 1,
      sentence: `late begins behind it, at position ${event.position + 1}.`,
    });
    expect(whyNever('stranger')).toEqual({
      code: 'not-asked',
      asks: ['strange.*'],
      sentence: 'stranger does not ask for early.made.',
    });
    expect(whyNever('early')).toBeUndefined();

    const { json } = await admin.ask(`events/${id}`);
    expect(json.leftOut.items).toEqual(items);
    const { result } = await runJsonCommand(['events', 'show', id], database);
    expect(result.leftOut.items).toEqual(items);
    const { stdout } = await runCommand(['events', 'show', id], database);
    expect(stdout).toContain(`These consumers never get it:\n  late: ${whyNever('late')?.sentence}`);
  });
});

describe('an attempt that has run for more than a minute', () => {
  it('is named by the overview and as a problem, by the service, the REST API and the commands', async () => {
    await start('lasting', { handler: () => hold.opened });
    const [id = ''] = await publish('lasting', ['a', 'b']);
    await whyIs(id, 'lasting', 'running');
    expect((await app.consumers.overview()).longRunning).toEqual([]);
    // Nobody waits for twelve minutes. What runs is written anew only with a renewal or a change.
    await database.pool.query(
      `UPDATE integration.integration_process SET working = jsonb_build_array(
         working -> 0 || jsonb_build_object('since', clock_timestamp() - interval '12 minutes')) WHERE working <> '[]'`,
    );
    const [run, ...others] = (await app.consumers.overview()).longRunning;
    expect(others).toEqual([]);
    const { position } = (await app.context.get(EventLookService).head(id)) ?? {};
    expect(run).toMatchObject({ consumerName: 'lasting', attempts: 1, position, attempt: 1 });
    expect(run?.sentence).toBe(
      `lasting has run one attempt for 12 min (position ${position}, attempt 1, in process ${here})`,
    );
    // Looks of the REST API are shared for two seconds.
    await until('the API says so', async () => {
      const { json } = await admin.ask('overview');
      return json.longRunning[0]?.sentence === run?.sentence;
    });
    expect((await runCommand(['status'], database)).stdout).toContain(run?.sentence);
    const problems = app.context.get(ProblemService, { strict: false });
    const ofKind = (list: readonly { kind: string }[]) => list.filter(({ kind }) => kind === 'long-running');
    const asked = await problems.list({ sources: ['consumers'] });
    expect(ofKind(asked.problems)).toMatchObject([
      { says: run?.sentence, since: run?.since, consumers: { count: 1, first: ['lasting'] } },
    ]);
    const ofOther = await problems.list({ sources: ['consumers'], consumerName: 'mail' });
    expect(ofKind(ofOther.problems)).toEqual([]);
    await until('the API has the problem', async () => {
      const { json } = await admin.ask('problems');
      return JSON.stringify(ofKind(json.problems)).includes(JSON.stringify(run?.sentence));
    });
    expect((await runCommand(['problems'], database)).stdout).toContain(`${run?.sentence}. Since`);
  });
});
