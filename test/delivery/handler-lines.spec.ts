import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import {
  type DomainEvent,
  type EventHistory,
  NonRetryableError,
  type SubscriberContext,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/* What a handler's logger wrote is kept with the attempts that fail, and with nothing else. */

const NAME = 'billing';
const KEEPS = { handlerLines: { redact: (text: string) => text.replaceAll(/\d{4}-\d{4}/g, '[card]') } };
const DEAD = new NonRetryableError('no');

let database: TestDatabase;
let app: TestApp;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await app.close();
  await database.drop();
});

type Handle = (event: DomainEvent, context: SubscriberContext) => unknown;

async function start(handle: Handle, options: object, more: Partial<AnySubscriberDefinition> = {}) {
  const handler = async (event: DomainEvent, context: SubscriberContext) => {
    await handle(event, context);
  };
  app = await startApp(
    database,
    [{ eventName: '*', consumerName: NAME, handler, ...more } as AnySubscriberDefinition],
    { settings: { retryBaseDelayMs: 100, retryMaxDelayMs: 100 }, ...options },
  );
}

/** Publishes an event, and lets it run until it is over. Returns the attempts that failed. */
async function attemptsOf(aggregateId = 'a'): Promise<EventHistory['attempts']> {
  const { outboxEventId } = await app.api.publishEvent({
    eventName: 'order.placed',
    sourceModule: 'test',
    aggregateType: 'order',
    aggregateId,
  });
  for (let due = true; due; ) due = (await app.processor.drain()).nextDueAt !== undefined;
  return (await app.inbox.historyOf(outboxEventId, NAME))?.attempts ?? [];
}

/** Everything that stands in the inbox, as text. */
async function inboxText(): Promise<string> {
  const { rows } = await database.pool.query('SELECT i::text AS row FROM integration.inbox_event i');
  return rows.map(({ row }) => row).join('\n');
}

describe('lines of the handlers’ logger', () => {
  it.each([
    ['plain', false],
    ['transactional', true],
  ])('are kept with an attempt of a %s handler that failed, redacted', async (_, transactional) => {
    await start(
      (__, { logger }) => {
        logger.log('pays by 4111-1111');
        logger.warn({ amount: 12.5 }, 'is much');
        logger.error('refused', 'at the bank');
        throw DEAD;
      },
      KEEPS,
      { transactional },
    );
    const [attempt] = await attemptsOf();
    expect(attempt).toMatchObject({
      linesLeftOut: 0,
      lines: [
        { level: 'log', text: 'pays by [card]' },
        { level: 'warn', text: '{ amount: 12.5 }\nis much' },
        { level: 'error', text: 'refused\nat the bank' },
      ],
    });
    expect(attempt?.lines[0]?.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(await inboxText()).not.toContain('4111');
  });

  it('are those of the attempt, and not of the one before', async () => {
    await start((_, { logger, attempt }) => {
      logger.log(`attempt ${attempt}`);
      throw attempt === 1 ? new Error('once more') : DEAD;
    }, KEEPS);
    expect((await attemptsOf()).map(({ lines }) => lines.map(({ text }) => text))).toEqual([
      ['attempt 1'],
      ['attempt 2'],
    ]);
  });

  it('are all kept, however often the handler asks for its logger', async () => {
    await start((_, context) => {
      context.logger.log('first');
      context.logger.log('second');
      throw DEAD;
    }, KEEPS);
    expect(await attemptsOf()).toMatchObject([{ lines: [{ text: 'first' }, { text: 'second' }] }]);
  });

  it('are not kept without the option', async () => {
    await start((_, { logger }) => {
      logger.log('something secret');
      throw DEAD;
    }, {});
    expect(await attemptsOf()).toMatchObject([{ lines: [], linesLeftOut: 0 }]);
    expect(await inboxText()).not.toMatch(/something secret|"lines/);
  });

  it('are not kept of an attempt that succeeds, and redact does not see them', async () => {
    const seen: string[] = [];
    const redact = (text: string) => {
      seen.push(text);
      return text;
    };
    await start(
      (event, { logger }) => {
        logger.log(`of ${event.aggregateId}`);
        if (event.aggregateId === 'bad') throw DEAD;
      },
      { handlerLines: { redact } },
    );
    expect(await attemptsOf('good')).toEqual([]);
    expect(await attemptsOf('bad')).toMatchObject([{ lines: [{ text: 'of bad' }] }]);
    expect(seen).toEqual(['of bad']);
  });

  it('are kept of an attempt that did not end within its time', async () => {
    await start(
      async (_, { logger, signal }) => {
        logger.log('waits');
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
      { ...KEEPS, settings: { maxAttempts: 1 } },
      { timeoutMs: 100 },
    );
    expect(await attemptsOf()).toMatchObject([{ lines: [{ text: 'waits' }] }]);
  });

  it('leave out levels that are switched off', async () => {
    await start((_, { logger }) => {
      logger.debug('hidden');
      logger.log('shown');
      throw DEAD;
    }, KEEPS);
    const before = Reflect.get(Logger, 'logLevels');
    Reflect.set(Logger, 'logLevels', ['log', 'warn', 'error']);
    try {
      expect(await attemptsOf()).toMatchObject([{ lines: [{ text: 'shown' }] }]);
    } finally {
      Reflect.set(Logger, 'logLevels', before);
    }
  });

  it('fail no attempt, whatever is written', async () => {
    const hostile = {
      get [Symbol.toStringTag](): string {
        throw new Error('cannot be read');
      },
    };
    await start((_, { logger }) => {
      logger.log(hostile);
      logger.log(undefined);
      throw DEAD;
    }, KEEPS);
    const [attempt] = await attemptsOf();
    expect(attempt).toMatchObject({ error: 'NonRetryableError: no' });
    expect(attempt?.lines).toHaveLength(2);
  });
});
