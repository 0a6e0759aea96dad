import { Test, type TestingModule } from '@nestjs/testing';
import { outcomeOf, startEmbeddedPostgres } from 'nestjs-integration/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppModule } from './app.module.js';
import { GreetingsService } from './greetings.service.js';

describe('the application', () => {
  let app: TestingModule;

  beforeAll(async () => {
    app = await Test.createTestingModule({ imports: [AppModule] }).compile();
    await app.init();
  });

  afterAll(async () => {
    await app.close();
  });

  it('hears of its own greeting', async () => {
    const greetings = app.get(GreetingsService);
    const outboxEventId = await greetings.greet('Grace');
    await expect(greetings.heard).resolves.toEqual({ name: 'Grace' });
    await expect(outcomeOf(app, outboxEventId, 'greetings.listener')).resolves.toMatchObject({
      status: 'processed',
    });
  });

  it('may also start a server in a test file', async () => {
    const server = await startEmbeddedPostgres();
    expect(server.url).not.toBe(process.env.TEST_DATABASE_URL);
    await server.stop();
  }, 60_000);
});
