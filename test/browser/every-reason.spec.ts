import { afterAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { ConsumerService, PostponeError, UnavailableError } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { runCommand } from '../support/command.js';
import { gate } from '../support/gate.js';
import { until } from '../support/until.js';
import { startWorker, type WorkerProcess } from '../support/worker-process.js';
import { openOrders } from './stage/orders.js';
import { PATH } from './stage/shop.js';
import { onStage } from './stage/stage.js';

/*
 * Each reason for which an event was not handled yet is made by a consumer that is really in that state. The page
 * of the event, the page of the entity, the REST API and the command say the same words. The reasons "paused",
 * "running", "behind-entity" and "not-asked" are in why-not-yet.spec.ts.
 */

const HOUR_MS = 3_600_000;

const held = gate();
const moves = gate();
const apps: TestApp[] = [];
const workers: WorkerProcess[] = [];
// This runs before the stage closes the shop, which waits for handlers.
afterAll(async () => {
  held.open();
  for (const worker of workers) worker.kill('SIGKILL');
  for (const app of apps) await app.close();
});

const stage = onStage((database) =>
  openOrders(database, {
    subscribers: [
      { consumerName: 'queue', eventName: 'queue.made', concurrency: 1, handler: () => held.opened },
      {
        consumerName: 'retry',
        eventName: 'retry.made',
        handler: () => {
          throw new Error('no room');
        },
      },
      {
        consumerName: 'postponed',
        eventName: 'postponed.made',
        handler: () => {
          throw new PostponeError(HOUR_MS, 'not open yet');
        },
      },
      { consumerName: 'not-before', eventName: 'not-before.made', handler: () => {} },
      {
        consumerName: 'unavailable',
        eventName: 'unavailable.made',
        handler: () => {
          throw new UnavailableError('connect ECONNREFUSED', { retryAfterMs: HOUR_MS });
        },
      },
      {
        consumerName: 'changing-partitions',
        eventName: 'changing-partitions.made',
        concurrency: 1,
        handler: () => {
          moves.open();
          return held.opened;
        },
      },
    ],
    engine: {
      settings: {
        retryBaseDelayMs: HOUR_MS,
        retryMaxDelayMs: HOUR_MS,
        processingLeaseMs: 600_000,
        handlerTimeoutMs: HOUR_MS,
      },
    },
  }),
);

/** Publishes an event for the consumer of this name, of each of these entities. Returns the id of the last. */
async function publish(
  name: string,
  entities: readonly string[] = ['a'],
  more: { readonly delayMs?: number; readonly payload?: object } = {},
): Promise<string> {
  const published = await stage.shop.api.publishEvents(
    entities.map((entity) => ({
      eventName: `${name}.made`,
      sourceModule: 'test',
      aggregateType: 'thing',
      aggregateId: `${name}-${entity}`,
      payload: {},
      ...more,
    })),
  );
  return published.at(-1)?.outboxEventId ?? '';
}

const consumers = () => stage.shop.app.get(ConsumerService, { strict: false });

const isRegistered = (consumerName: string) =>
  until(`${consumerName} is registered`, async () => (await consumers().list({ consumerName })).length > 0);

/** Another application, which has the handler of one consumer. */
async function start(consumerName: string, more: { startFrom?: 'latest' } = {}, isOn = true) {
  const handler = { consumerName, eventName: `${consumerName}.made`, handler: () => {}, ...more };
  const settings = isOn ? {} : { 'processor.enabled': false };
  const app = await startApp(stage.database, [handler], { settings });
  apps.push(app);
  await isRegistered(consumerName);
  return app;
}

/** The process of the consumer dies while its first event runs. The second is of another entity. */
async function orphan(): Promise<string> {
  const consumer = { consumerName: 'no-owner', eventName: 'no-owner.made', concurrency: 1 };
  const worker = startWorker(stage.database.url, [consumer], { processingLeaseMs: 600_000 });
  workers.push(worker);
  await until('the worker has the consumer', async () => {
    const [listed] = await consumers().list({ consumerName: 'no-owner' });
    return listed?.owner?.pid === worker.pid;
  });
  const id = await publish('no-owner', ['a', 'b'], { payload: { block: true } });
  worker.kill('SIGKILL');
  await worker.ended;
  return id;
}

interface Way {
  /** Brings a consumer of the name of the reason into that state. Returns the event that waits because of it. */
  readonly make: () => Promise<string>;
  readonly says: RegExp;
  /** The link beside the sentence, and the heading of the page to which it leads. */
  readonly next?: { readonly link: string; readonly heading: string };
  readonly mark: 'Held up' | 'Not yet';
}

const consumerPage = (name: string) => ({ link: `See the consumer ${name}`, heading: name });
const PROCESSES = { link: 'See the processes', heading: 'Processes' };

const WAYS: Readonly<Record<string, Way>> = {
  queue: {
    make: () => publish('queue', ['a', 'b']),
    says: /^1 event is before it\.$/,
    next: consumerPage('queue'),
    mark: 'Not yet',
  },
  retry: {
    make: () => publish('retry'),
    says: /^Attempt 1 failed\. It is tried again in <time>\.$/,
    mark: 'Held up',
  },
  postponed: {
    make: () => publish('postponed'),
    says: /^Its handler has put it off for <time> by now\. It runs again in <time>\.$/,
    mark: 'Held up',
  },
  'not-before': {
    make: () => publish('not-before', ['a'], { delayMs: HOUR_MS }),
    says: /^It was published for later, and is due in <time>\.$/,
    mark: 'Not yet',
  },
  unavailable: {
    make: () => publish('unavailable'),
    says: /^unavailable has not reached what it needs for <time>: .*connect ECONNREFUSED/,
    next: consumerPage('unavailable'),
    mark: 'Not yet',
  },
  'changing-partitions': {
    make: async () => {
      const id = await publish('changing-partitions', ['a', 'b']);
      await moves.opened;
      await consumers().repartition('changing-partitions', 4, { timeoutMs: 1 });
      return id;
    },
    says: /^changing-partitions has been changing to 4 partitions for <time>, and begins nothing until that is done\.$/,
    next: consumerPage('changing-partitions'),
    mark: 'Not yet',
  },
  'handlers-off': {
    make: async () => {
      await start('handlers-off', {}, false);
      return publish('handlers-off');
    },
    says: /^Handlers are switched off in .+, and no other process has a handler of handlers-off\.$/,
    next: { link: 'See the setting', heading: 'Settings' },
    mark: 'Not yet',
  },
  'no-handler': {
    make: async () => {
      const app = await start('no-handler');
      await app.close();
      return publish('no-handler');
    },
    says: /^No process has a handler of no-handler\. The last one was seen <time> ago\.$/,
    next: PROCESSES,
    mark: 'Not yet',
  },
  'no-owner': {
    make: orphan,
    says: /^Process .+, which works on no-owner, has lost its connection to the database\. Another process can take over in <time>\.$/,
    next: PROCESSES,
    mark: 'Not yet',
  },
};

/** How long something has been so, and how fast a consumer is, differs from one look to the next. */
const words = (text: string) =>
  text.replace(/\b\d+ (s|min|h|d)\b/g, '<time>').replace(/, at [\d.,]+ a second: about <time>/, '');

interface Said {
  readonly consumerName: string;
  readonly why: { readonly code: string; readonly sentence: string } | null;
}

async function ask(page: Page, path: string) {
  const answer = await page.request.get(`${stage.shop.url}/${PATH}/${path}`);
  return answer.json();
}

const whyAt = (said: readonly Said[], consumer: string) =>
  said.find(({ consumerName }) => consumerName === consumer)?.why;

/** What the REST API says of the event, once it has the reason. The timeline of the entity says the same. */
async function sentenceOf(page: Page, id: string, code: string): Promise<string> {
  const sentence = await until(`the API says ${code}`, async () => {
    const why = whyAt((await ask(page, `events/${id}`)).consumers, code);
    return why?.code === code && words(why.sentence);
  });
  const { items } = await ask(page, `entities/thing/${await entityOf(page, id)}/timeline`);
  const { consumers } = items.find((each: { outboxEventId: string }) => each.outboxEventId === id);
  expect(words(whyAt(consumers, code)?.sentence ?? '')).toBe(sentence);
  return sentence;
}

const entityOf = async (page: Page, id: string): Promise<string> =>
  (await ask(page, `events/${id}`)).aggregateId;

const reasons = (page: Page) => page.locator('main .why-not-yet');
const saidOn = async (page: Page) => {
  await reasons(page).first().waitFor();
  return (await reasons(page).locator('> bdi').allTextContents()).map(words);
};

describe('the pages, the REST API and the command say the same words', () => {
  test.each(Object.entries(WAYS))('of the reason %s', async (code, { make, says, next, mark }) => {
    const id = await make();
    const { page } = await stage.open('#/overview');
    const sentence = await sentenceOf(page, id, code);
    expect(sentence).toMatch(says);
    const { stdout } = await runCommand(['events', 'show', id], stage.database);
    expect(words(stdout)).toContain(`  ${code}: ${sentence}\n`);

    const ui = `${stage.shop.url}/${PATH}/ui`;
    await page.goto(`${ui}#/entities/thing/${await entityOf(page, id)}`);
    await page.getByText(mark, { exact: true }).waitFor();
    expect(await saidOn(page)).toEqual([sentence]);
    await page.goto(`${ui}#/events/${id}`);
    await page.getByRole('region', { name: 'Consumers' }).waitFor();
    expect(await saidOn(page)).toEqual([sentence]);

    const pressed = reasons(page).locator('a, button');
    if (next === undefined) {
      expect(await pressed.count()).toBe(0);
      return;
    }
    expect(await pressed.count()).toBe(1);
    await reasons(page).getByRole('link', { name: next.link, exact: true }).click();
    await page.getByRole('heading', { level: 1, name: next.heading }).waitFor();
  });

  test('of a consumer that begins behind the event, and its name leads to it', async () => {
    const id = await publish('begins-behind');
    await start('begins-behind', { startFrom: 'latest' });
    const { page } = await stage.open(`#/events/${id}`);
    const { leftOut, position } = await ask(page, `events/${id}`);
    const why = whyAt(leftOut.items, 'begins-behind');
    expect(why?.code).toBe('begins-behind');
    expect(why?.sentence).toMatch(/^begins-behind begins behind it, at position \d+\.$/);
    expect(Number(why?.sentence.match(/\d+/)?.[0])).toBeGreaterThan(position);
    const { stdout } = await runCommand(['events', 'show', id], stage.database);
    expect(stdout).toContain(`  begins-behind: ${why?.sentence}\n`);

    await page.getByText(/consumers? never gets? it/).click();
    const line = page.getByRole('listitem').filter({ hasText: 'begins behind it' });
    expect(await line.locator('bdi').last().textContent()).toBe(why?.sentence);
    await line.getByRole('link', { name: 'begins-behind' }).click();
    await page.getByRole('heading', { level: 1, name: 'begins-behind' }).waitFor();
  });
});
