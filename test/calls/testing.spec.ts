import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  type CallOf,
  CallsModule,
  type CallUpdate,
  ExternalCallsService,
  ExternalCallType,
} from '../../src/calls/index.js';
import { IntegrationModule } from '../../src/index.js';
import { fakeCalls, runCalls } from '../../src/testing/index.js';
import { TEST_LOGGER } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

@Injectable()
@ExternalCallType({ type: 'tts', unknownOutcome: 'retry' })
class TtsCalls {
  async start(_: CallOf<{ text: string }>): Promise<CallUpdate<{ url: string }>> {
    throw new Error('no test may call the other system');
  }
}

describe('a test of an application with calls', () => {
  let database: TestDatabase;
  const tts = fakeCalls(TtsCalls);

  const start = async () => {
    @Module({
      imports: [
        IntegrationModule.forRoot({
          client: database.prisma(),
          connectionString: database.url,
          settings: { 'processor.enabled': false },
        }),
        CallsModule.forRoot(),
      ],
      providers: [TtsCalls],
    })
    class AppModule {}
    const app = await Test.createTestingModule({ imports: [AppModule] })
      .setLogger(TEST_LOGGER)
      .overrideProvider(TtsCalls)
      .useValue(tts)
      .compile();
    return app.init();
  };
  let app: Awaited<ReturnType<typeof start>>;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await start();
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  it('says what the other system answers, and reaches due times without waiting', async () => {
    const calls = app.get(ExternalCallsService);
    const { callId } = await calls.create(TtsCalls, { request: { text: 'a' } });
    expect(await runCalls(app)).toBe(1);
    expect(tts.started).toMatchObject([{ id: callId, request: { text: 'a' } }]);
    expect(await calls.get(callId)).toMatchObject({ status: 'processing', externalId: `fake-${callId}` });
    await calls.report({ callId }, { phase: 'completed', result: { url: 'u' } });
    expect(await calls.get(callId)).toMatchObject({ status: 'completed', result: { url: 'u' } });

    tts.answerWith(new Error('reset'));
    const second = await calls.create(TtsCalls, { request: { text: 'b' } });
    for (let attempt = 1; attempt <= 5; attempt++) await runCalls(app);
    // The fake says of each attempt that it was never started.
    expect(await calls.get(second.callId)).toMatchObject({ attempts: 5, isOutcomeUnknown: true });
    await runCalls(app, { passDeadlines: true });
    expect(await calls.get(second.callId)).toMatchObject({ status: 'failed' });
  });

  it('lets calls run past their deadlines', async () => {
    const calls = app.get(ExternalCallsService);
    tts.answerWith(({ id }) => ({ phase: 'processing', externalId: `x-${id}` }));
    const { callId } = await calls.create(TtsCalls, { request: { text: 'c' } });
    await runCalls(app, { passDeadlines: true });
    expect(await calls.get(callId)).toMatchObject({
      status: 'failed',
      error: { code: 'INTEGRATION_CALL_DEADLINE' },
    });
  });
});
