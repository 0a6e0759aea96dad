import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { createIntegrationTestDatabase, outcomeOf, verifyClient } from 'nestjs-integration/testing';
import { DataSource } from 'typeorm';
import { AppModule } from './app.module';
import { Greeting } from './greeting.entity';
import { GreetingsService } from './greetings.service';
import { clientOfDataSource } from './typeorm-client';

describe('the application', () => {
  let app: INestApplicationContext;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = await module.init();
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

  it('keeps neither row nor event of a greeting that was rolled back', async () => {
    await expect(app.get(GreetingsService).greet('Nobody', true)).rejects.toThrow('changed my mind');
    await expect(app.get(DataSource).manager.countBy(Greeting, { name: 'Nobody' })).resolves.toBe(0);
  });

  it('has a client that keeps the contract', async () => {
    const report = await verifyClient(clientOfDataSource(app.get(DataSource)));
    expect(report.ok ? '' : String(report)).toBe('');
  });

  it('can make a database for one test file', async () => {
    const database = await createIntegrationTestDatabase({ server: process.env.TEST_DATABASE_URL ?? '' });
    expect(database.url).not.toBe(process.env.DATABASE_URL);
    await database.drop();
  });
});
