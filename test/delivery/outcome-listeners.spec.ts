import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, type Type } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { LISTENER_LIMITS, type ListenerLimits } from '../../src/delivery/outcome-listeners.js';
import {
  type AttemptOutcome,
  type DomainEvent,
  EventSubscriberRegistry,
  IntegrationDeveloperApiService,
  IntegrationModule,
  NonRetryableError,
  OnIntegrationEvent,
  type OutcomeKinds,
  SkipEventError,
} from '../../src/index.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { untilConsumerSettled } from '../support/until-settled.js';

let database: TestDatabase;
let app: TestingModule | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  silenceLog();
});
afterAll(() => database.drop());

/** What an event of this aggregate comes to. */
const FATES: Record<string, () => unknown> = {
  good: () => {},
  skipped: () => Promise.reject(new SkipEventError('not mine')),
  bad: () => Promise.reject(new Error('broken')),
  dead: () => Promise.reject(new NonRetryableError('hopeless')),
};

/** An application with one consumer, and listeners; publishes events of these aggregates. */
async function play(
  name: string,
  listener: Type,
  fates: readonly string[],
  limits: Partial<ListenerLimits> = {},
): Promise<void> {
  app = await Test.createTestingModule({
    imports: [
      IntegrationModule.forRoot({
        connectionString: database.url,
        settings: { retryBaseDelayMs: 100, retryMaxDelayMs: 200, maxAttempts: 2 },
      }),
    ],
    providers: [listener],
  })
    .overrideProvider(LISTENER_LIMITS)
    .useValue({ slowMs: 60_000, mostCalls: 1_000, endMs: 50, ...limits })
    .compile();
  silenceLog();
  app.get(EventSubscriberRegistry).registerHandler({
    eventName: name,
    consumerName: name,
    handler: ({ aggregateId }: DomainEvent) => FATES[aggregateId.replace(/\d+$/, '')]?.(),
  });
  await app.init();
  const event = { eventName: name, sourceModule: 'test', aggregateType: 'thing' };
  await app
    .get(IntegrationDeveloperApiService)
    .publishEvents(fates.map((aggregateId) => ({ ...event, aggregateId })));
}

describe('@OnIntegrationEvent', () => {
  it('has a method told of each kind of outcome, with event, error, duration and next try', async () => {
    const told = new Recorder<AttemptOutcome>();
    @Injectable()
    class Alerts {
      @OnIntegrationEvent('processed', 'skipped')
      async onEnd(outcome: OutcomeKinds['processed' | 'skipped']) {
        told.record(outcome);
      }

      @OnIntegrationEvent('failed')
      onFailure(outcome: OutcomeKinds['failed']) {
        told.record(outcome);
      }

      @OnIntegrationEvent('dead_letter')
      onDeadLetter(outcome: OutcomeKinds['dead_letter']) {
        told.record(outcome);
      }
    }
    await play('kinds.a', Alerts, ['good', 'skipped', 'bad', 'dead']);
    const outcomes = await told.first(5);
    const of = (aggregateId: string) => outcomes.filter((outcome) => outcome.aggregateId === aggregateId);
    const known = {
      consumerName: 'kinds.a',
      eventName: 'kinds.a',
      aggregateType: 'thing',
      maxAttempts: 2,
      durationMs: expect.any(Number),
    };
    expect(of('good')).toMatchObject([{ ...known, status: 'processed', attempt: 1 }]);
    expect(of('skipped')).toMatchObject([{ ...known, status: 'skipped', reason: 'not mine' }]);
    expect(of('bad')).toMatchObject([
      { ...known, status: 'retrying', attempt: 1, error: new Error('broken'), nextTryAt: expect.any(Date) },
      { ...known, status: 'dead_letter', attempt: 2, error: new Error('broken') },
    ]);
    expect(of('dead')).toMatchObject([
      { ...known, status: 'dead_letter', error: new NonRetryableError('hopeless') },
    ]);
  });

  it('does not disturb delivery by a listener that throws, rejects or hangs, and says each once', async () => {
    @Injectable()
    class Troublemaker {
      @OnIntegrationEvent('processed')
      throws() {
        throw new Error('thrown');
      }

      @OnIntegrationEvent('processed')
      async rejects() {
        throw new Error('rejected');
      }

      @OnIntegrationEvent('processed')
      hangs() {
        return new Promise(() => {});
      }
    }
    await play('trouble.a', Troublemaker, [], { slowMs: 20, mostCalls: 10 });
    const lines = hearLog();
    const event = { eventName: 'trouble.a', sourceModule: 'test', aggregateType: 'thing' };
    const publish = (aggregateIds: readonly string[]) =>
      app
        ?.get(IntegrationDeveloperApiService)
        .publishEvents(aggregateIds.map((aggregateId) => ({ ...event, aggregateId })));
    for (const wave of [10, 20]) {
      await publish(Array.from({ length: 8 }, (_, i) => `good${wave + i}`));
      await untilConsumerSettled(database, 'trouble.a');
    }
    for (const words of ['has not ended a call within 20 ms', 'has 10 calls under way'])
      await lines.saying(words);
    await app?.close();
    const said = lines.all.filter(({ context }) => context === 'OnIntegrationEvent').map(({ text }) => text);
    expect(said.sort()).toEqual([
      expect.stringMatching(/^Troublemaker\.hangs .* has 10 calls under way/),
      expect.stringMatching(/^Troublemaker\.hangs .* has not ended a call/),
      expect.stringMatching(/^Troublemaker\.rejects .* failed[\s\S]*Error: rejected\n +at /),
      expect.stringMatching(/^Troublemaker\.throws .* failed[\s\S]*Error: thrown\n +at /),
    ]);
  });

  it('refuses a kind that it does not know, and members that are no methods', () => {
    expect(() => OnIntegrationEvent('dead' as 'failed')).toThrow(
      /does not know "dead": give processed, skipped, postponed, failed, dead_letter\./,
    );
    expect(() => {
      class Static {
        @OnIntegrationEvent('failed')
        static alert() {}

        readonly isNoShell = true;
      }
      return Static;
    }).toThrow(/cannot have Static\.alert told of outcomes/);
  });
});
