import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { IntegrationDeveloperApiService, OutboxProcessor } from 'nestjs-integration';
import { AppModule } from './app.module.js';
import { GreetingsService } from './greetings.service.js';

describe('the application', () => {
  let app: INestApplication;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = module.createNestApplication({ logger: ['error', 'warn'] });
    await app.init();
  });

  afterAll(async () => {
    await app.close();
  });

  it('hears of its own greeting', async () => {
    const greetings = app.get(GreetingsService);
    await greetings.greet('Grace');
    await expect(greetings.heard).resolves.toEqual({ name: 'Grace' });
    await expect(app.get(OutboxProcessor).drain({ timeoutMs: 10_000 })).resolves.toMatchObject({
      drained: true,
    });
  });

  it('hears nothing of a greeting that was rolled back', async () => {
    const integrationApi = app.get(IntegrationDeveloperApiService);
    const failing = integrationApi.transaction(async (tx) => {
      await integrationApi.publishEvent(
        'greeting.sent',
        'greetings',
        'person',
        'Nobody',
        {},
        { persistenceClient: tx },
      );
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    await expect(app.get(OutboxProcessor).drain({ timeoutMs: 10_000 })).resolves.toMatchObject({
      drained: true,
    });
  });
});
