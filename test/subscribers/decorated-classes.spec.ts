import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { IntegrationModule, IntegrationSubscriber, OnIntegrationEvent } from '../../src/index.js';
import { DecoratedClasses, decoratedClasses } from '../../src/subscribers/decorated-classes.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(silenceLog);
afterAll(() => database.drop());

/** What the look says that a process makes some seconds after its classes were loaded. */
function look(): string[] {
  const lines = hearLog();
  decoratedClasses().check();
  return lines.all.map(({ level, text }) => `${level} ${text}`);
}

describe('a decorated class of which nothing came', () => {
  it('is named once, with what is missing, where no IntegrationModule is there', () => {
    class Forgotten {
      @IntegrationSubscriber('a.b', { consumerName: 'c' })
      onEvent() {}
    }
    expect(Forgotten).toBeDefined();
    expect(look()).toEqual([
      'warn Nothing calls Forgotten.onEvent: IntegrationModule is not part of this application. Add IntegrationModule.forRoot(…) to the imports of the root module.',
    ]);
    expect(look()).toEqual([]);
  });

  it('is named where it is no provider, be it a subscriber or a listener; and not where it is one, or its subclass is', async () => {
    class Base {
      @IntegrationSubscriber('a.b', { consumerName: 'base' })
      onEvent() {}
    }
    @Injectable()
    class Provided extends Base {
      @OnIntegrationEvent('failed')
      onFailure() {}

      override onEvent() {}
    }
    @Injectable()
    class Unprovided {
      @IntegrationSubscriber('a.b', { consumerName: 'nobody' })
      onEvent() {}

      @OnIntegrationEvent('dead_letter')
      onDeadLetter() {}
    }
    expect(Unprovided).toBeDefined();
    const integration = IntegrationModule.forRoot({ connectionString: database.url });
    // The boot may wait for its database: it is too early to say anything.
    expect(look()).toEqual([]);
    const app = await Test.createTestingModule({ imports: [integration], providers: [Provided] }).compile();
    await app.init();
    expect(look()).toEqual([
      expect.stringMatching(
        /^warn Nothing calls Unprovided\.onEvent, Unprovided\.onDeadLetter: .* Add the class to the providers of a module/,
      ),
    ]);
    await app.close();
  });

  it('is looked for by itself a while after it was loaded', async () => {
    const lines = hearLog();
    new DecoratedClasses(20).noteClass(class Late {}.prototype, 'onEvent');
    await lines.find(({ text }) =>
      text.startsWith('Nothing calls Late.onEvent: IntegrationModule is not part'),
    );
  });
});
