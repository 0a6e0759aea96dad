import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { type DomainEvent, NonRetryableError, type TelemetryOptions } from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { Recorder } from '../support/recorder.js';
import { changedBy } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { TestSdk } from './sdk.js';

let database: TestDatabase;
let sdk: TestSdk;
const apps: TestApp[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(() => {
  sdk = new TestSdk();
  sdk.register();
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  await sdk.unregister();
});
afterAll(() => database.drop());

const event = (eventName: string, aggregateId = '1', more: object = {}) => ({
  eventName,
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId,
  payload: { secret: 'of-the-payload' },
  ...more,
});

async function start(
  subscribers: AnySubscriberDefinition[],
  telemetry: TelemetryOptions = { spans: true },
): Promise<TestApp> {
  const app = await startApp(database, subscribers, { telemetry });
  apps.push(app);
  return app;
}

/** Publishes inside a span of the application; resolves to the id of its trace. */
function publishInSpan(app: TestApp, ...events: ReturnType<typeof event>[]): Promise<string> {
  return trace.getTracer('application').startActiveSpan('request', async (span) => {
    const [first, ...others] = events;
    if (first !== undefined && others.length === 0) await app.api.publishEvent(first);
    else await app.api.publishEvents(events);
    span.end();
    return span.spanContext().traceId;
  });
}

describe('a span of publishing', () => {
  it('is a child of the span around it, and its context is stored with the event', async () => {
    const seen = new Recorder<DomainEvent>();
    const app = await start([
      { eventName: 'span.one', consumerName: 'span-one', handler: async (each) => seen.record(each) },
    ]);
    const traceId = await publishInSpan(app, event('span.one'));
    await untilConsumerSettled(database, 'span-one');

    const [publish] = sdk.spans('publish span.one');
    const [request] = sdk.spans('request');
    expect(publish?.kind).toBe(SpanKind.PRODUCER);
    expect(publish?.spanContext().traceId).toBe(traceId);
    expect(publish?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
    expect(publish?.attributes).toEqual({
      'messaging.system': 'nestjs_integration',
      'messaging.operation.name': 'publish',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'span.one',
    });
    expect(seen.all[0]?.metadata.traceparent).toBe(`00-${traceId}-${publish?.spanContext().spanId}-01`);
  });

  it('says of an event that is refused what kind of error it was, and not its words', async () => {
    const app = await start([]);
    await expect(app.api.publishEvent(event(''))).rejects.toThrow();
    const [publish] = sdk.spans();
    expect(publish?.status).toEqual({ code: SpanStatusCode.ERROR });
    expect(publish?.attributes['error.type']).toBe('INTEGRATION_EVENT_INVALID');
  });

  it('keeps a traceparent that the caller gives', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const seen = new Recorder<DomainEvent>();
    const app = await start([
      { eventName: 'span.own', consumerName: 'span-own', handler: async (each) => seen.record(each) },
    ]);
    await app.api.publishEvent(event('span.own', '1', { metadata: { traceparent } }));
    await untilConsumerSettled(database, 'span-own');
    expect(seen.all[0]?.metadata.traceparent).toBe(traceparent);
    expect(sdk.spans('process span.own')[0]?.links[0]?.context.spanId).toBe('b7ad6b7169203331');
  });
});

describe('a span of a handler', () => {
  it('begins a new trace, linked to the publisher, and holds what the handler does', async () => {
    const app = await start([
      {
        eventName: 'span.two',
        consumerName: 'span-two',
        transactional: true,
        handler: async (_, { transaction }) => {
          trace.getTracer('application').startSpan('work').end();
          await transaction.$queryRawUnsafe('SELECT 1');
        },
      },
    ]);
    const traceId = await publishInSpan(app, event('span.two'));
    await untilConsumerSettled(database, 'span-two');

    const [process] = sdk.spans('process span.two');
    const [publish] = sdk.spans('publish span.two');
    const [work] = sdk.spans('work');
    expect(process?.kind).toBe(SpanKind.CONSUMER);
    expect(process?.parentSpanContext).toBeUndefined();
    expect(process?.spanContext().traceId).not.toBe(traceId);
    expect(process?.links.map((link) => link.context.spanId)).toEqual([publish?.spanContext().spanId]);
    expect(work?.parentSpanContext?.spanId).toBe(process?.spanContext().spanId);
    expect(process?.attributes).toMatchObject({
      'messaging.system': 'nestjs_integration',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'span.two',
      'messaging.consumer.group.name': 'span-two',
      'messaging.destination.partition.id': '0',
      'messaging.message.id': expect.any(String),
      'messaging.message.conversation_id': expect.any(String),
      'nestjs_integration.attempt': 1,
      'nestjs_integration.position': expect.any(Number),
      'nestjs_integration.outcome': 'processed',
    });
  });

  it('is linked to the publisher in every attempt: after a retry, after a restart, after a redrive', async () => {
    let fails = true;
    const handler = async () => {
      if (fails) throw new TypeError('of-the-error');
    };
    const subscriber = {
      eventName: 'span.retry',
      consumerName: 'span-retry',
      retry: { maxAttempts: 2 },
      handler,
    };
    const first = await start([subscriber]);
    await publishInSpan(first, event('span.retry'));
    await untilConsumerSettled(database, 'span-retry');
    await first.close();
    apps.length = 0;
    fails = false;
    const second = await start([subscriber]);
    expect(await changedBy(second, second.consumers.redrive({ consumerName: 'span-retry' }))).toBe(1);
    await untilConsumerSettled(database, 'span-retry');

    const attempts = sdk.spans('process span.retry');
    const [publish] = sdk.spans('publish span.retry');
    expect(attempts.map((span) => span.attributes['nestjs_integration.outcome'])).toEqual([
      'retry',
      'dead',
      'processed',
    ]);
    expect(new Set(attempts.map((span) => span.spanContext().traceId)).size).toBe(3);
    for (const attempt of attempts)
      expect(attempt.links[0]?.context.spanId).toBe(publish?.spanContext().spanId);
    expect(attempts.map((span) => span.attributes['error.type'])).toEqual([
      'TypeError',
      'TypeError',
      undefined,
    ]);
    expect(attempts[0]?.status).toEqual({ code: SpanStatusCode.ERROR });
  });

  it('of a batch has a link for each event', async () => {
    const app = await start([
      {
        eventName: 'span.batch',
        consumerName: 'span-batch',
        batch: { maxSize: 10, maxWaitMs: 1_000 },
        handler: async () => {},
      },
    ]);
    await publishInSpan(app, event('span.batch', 'a'));
    await publishInSpan(app, event('span.batch', 'b'));
    await untilConsumerSettled(database, 'span-batch');

    const spans = sdk.spans('process span.batch');
    const linked = spans.flatMap((span) => span.links.map((link) => link.context.spanId));
    const published = sdk.spans('publish span.batch').map((span) => span.spanContext().spanId);
    expect(linked).toEqual(published);
    expect(
      spans.reduce((sum, span) => sum + Number(span.attributes['messaging.batch.message_count']), 0),
    ).toBe(2);
  });

  it('continues the trace of the publisher where that is asked for, in the first attempt alone', async () => {
    const attempts = new Recorder<number>();
    const app = await start(
      [
        {
          eventName: 'span.child',
          consumerName: 'span-child',
          handler: async (_, { attempt }) => {
            attempts.record(attempt);
            if (attempt === 1) throw new Error('once');
          },
        },
      ],
      { spans: true, handlerSpans: 'child' },
    );
    const traceId = await publishInSpan(app, event('span.child'));
    await untilConsumerSettled(database, 'span-child');

    const [first, second] = sdk.spans('process span.child');
    expect(first?.spanContext().traceId).toBe(traceId);
    expect(first?.parentSpanContext?.isRemote).toBe(true);
    expect(second?.spanContext().traceId).not.toBe(traceId);
    expect(second?.links).toHaveLength(1);
  });

  it('is left out for all but the given share of attempts, and then nothing inside is sampled', async () => {
    const seen = new Recorder<{ flags?: number; region?: string }>();
    const app: TestApp = await start(
      [
        {
          eventName: 'span.left-out',
          consumerName: 'span-left-out',
          handler: async () => {
            const flags = trace.getActiveSpan()?.spanContext().traceFlags;
            const region = propagation.getActiveBaggage()?.getEntry('region')?.value;
            seen.record({
              ...(flags === undefined ? {} : { flags }),
              ...(region === undefined ? {} : { region }),
            });
            trace.getTracer('application').startSpan('work').end();
            await app.api.publishEvent(event('span.from-inside'));
          },
        },
        {
          eventName: 'span.from-inside',
          consumerName: 'span-from-inside',
          handler: async () => undefined,
        },
      ],
      { spans: true, handlerSpanRatio: 0, baggage: true },
    );
    const baggage = propagation.createBaggage({ region: { value: 'north' } });
    await context.with(propagation.setBaggage(context.active(), baggage), () =>
      publishInSpan(app, event('span.left-out')),
    );
    await untilConsumerSettled(database, 'span-left-out');
    await untilConsumerSettled(database, 'span-from-inside');

    expect(seen.all).toEqual([{ flags: 0, region: 'north' }]);
    expect(sdk.spans().map(({ name }) => name)).toEqual(['publish span.left-out', 'request']);
  });

  it('is left out by chance, so that the share is right', async () => {
    const app = await start(
      [{ eventName: 'span.share', consumerName: 'span-share', handler: async () => undefined }],
      { spans: true, handlerSpanRatio: 0.5 },
    );
    await app.api.publishEvents(Array.from({ length: 400 }, (_, i) => event('span.share', String(i))));
    await untilConsumerSettled(database, 'span-share');
    // Eight standard deviations of a fair coin on each side.
    const spans = sdk.spans('process span.share').length;
    expect(spans).toBeGreaterThan(120);
    expect(spans).toBeLessThan(280);
  });

  it.each([
    { kind: 'at once', transactional: false, work: () => {} },
    { kind: 'later', transactional: false, work: () => setImmediate() },
    { kind: 'in a transaction', transactional: true, work: () => setImmediate() },
  ])('is around its own attempt only, where handlers end $kind', async ({ kind, transactional, work }) => {
    const name = `span.own-${kind.replaceAll(' ', '-')}`;
    const consumerName = name.replace('.', '-');
    const app = await start(
      [
        {
          eventName: name,
          consumerName,
          transactional,
          handler: ({ aggregateId }: DomainEvent) => {
            const span = trace.getTracer('application').startSpan('work', { attributes: { aggregateId } });
            span.end();
            return work();
          },
        } as AnySubscriberDefinition,
      ],
      { spans: true, handlerSpanRatio: 0.5 },
    );
    const published = await app.api.publishEvents(
      Array.from({ length: 60 }, (_, i) => event(name, String(i))),
    );
    await untilConsumerSettled(database, consumerName);

    // The work of an attempt that is left out is not recorded, and all other work is below its own attempt.
    const attempts = new Map(sdk.spans(`process ${name}`).map((span) => [span.spanContext().spanId, span]));
    const worked = sdk.spans('work');
    expect(worked).toHaveLength(attempts.size);
    for (const { parentSpanContext, attributes } of worked) {
      const { position } = published[Number(attributes.aggregateId)] ?? {};
      expect(attempts.get(parentSpanContext?.spanId ?? '')?.attributes['nestjs_integration.position']).toBe(
        position,
      );
    }
  });

  it('is not left out where it continues the trace of its publisher', async () => {
    const app = await start(
      [{ eventName: 'span.followed', consumerName: 'span-followed', handler: async () => undefined }],
      { spans: true, handlerSpans: 'child', handlerSpanRatio: 0 },
    );
    const traceId = await publishInSpan(app, event('span.followed'));
    await untilConsumerSettled(database, 'span-followed');
    expect(sdk.spans('process span.followed').map((span) => span.spanContext().traceId)).toEqual([traceId]);
  });

  it('holds no word of a payload or of an error', async () => {
    const app = await start([
      {
        eventName: 'span.quiet',
        consumerName: 'span-quiet',
        handler: async ({ payload }) => {
          throw new NonRetryableError(JSON.stringify(payload));
        },
      },
    ]);
    await publishInSpan(app, event('span.quiet'));
    await untilConsumerSettled(database, 'span-quiet');
    const [span] = sdk.spans('process span.quiet');
    expect(span?.attributes['nestjs_integration.outcome']).toBe('dead');
    expect(JSON.stringify([span?.attributes, span?.events, span?.status])).not.toContain('of-the-payload');
  });
});

describe('baggage', () => {
  const inBaggage = <R>(fn: () => R) =>
    context.with(
      propagation.setBaggage(
        context.active(),
        propagation.createBaggage({ region: { value: 'north east' } }),
      ),
      fn,
    );
  const subscriberOf = (name: string, seen: Recorder<string | undefined>): AnySubscriberDefinition => ({
    eventName: name,
    consumerName: name,
    handler: async () => seen.record(propagation.getActiveBaggage()?.getEntry('region')?.value),
  });

  it('reaches the handler where that is asked for', async () => {
    const seen = new Recorder<string | undefined>();
    const app = await start([subscriberOf('baggage.on', seen)], { spans: true, baggage: true });
    await inBaggage(() => app.api.publishEvent(event('baggage.on')));
    await untilConsumerSettled(database, 'baggage.on');
    expect(seen.all).toEqual(['north east']);
  });

  it('stays where it is otherwise', async () => {
    const seen = new Recorder<string | undefined>();
    const app = await start([subscriberOf('baggage.off', seen)]);
    await inBaggage(() => app.api.publishEvent(event('baggage.off')));
    await untilConsumerSettled(database, 'baggage.off');
    expect(seen.all).toEqual([undefined]);
  });
});

it('without the option there is no span of the engine, and handlers run outside of any', async () => {
  const seen = new Recorder<boolean>();
  const app = await start(
    [
      {
        eventName: 'span.off',
        consumerName: 'span-off',
        handler: async () => seen.record(trace.getActiveSpan() !== undefined),
      },
    ],
    {},
  );
  await publishInSpan(app, event('span.off'));
  await untilConsumerSettled(database, 'span-off');
  expect(seen.all).toEqual([false]);
  expect(sdk.spans().map(({ name }) => name)).toEqual(['request']);
});
