import { type INestApplicationContext, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IntegrationModule } from 'nestjs-integration';
import {
  IntegrationSchedule,
  type ScheduledEvent,
  SchedulesModule,
  SchedulesService,
} from 'nestjs-integration/schedules';
import { runSchedule } from 'nestjs-integration/testing';

const handled: string[] = [];

@Injectable()
class Nightly {
  @IntegrationSchedule({ name: 'starter.nightly', cron: '0 2 * * *', timeZone: 'Europe/Berlin' })
  run({ payload }: ScheduledEvent): void {
    handled.push(payload.at);
  }
}

@Module({
  imports: [IntegrationModule.forRoot({ migrations: 'run' }), SchedulesModule.forRoot()],
  providers: [Nightly],
})
class AppModule {}

describe('a schedule', () => {
  let app: INestApplicationContext;

  beforeAll(async () => {
    app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
  });
  afterAll(async () => {
    await app.close();
  });

  it('runs its method at its time', async () => {
    const [next] = await app.get(SchedulesService).preview('starter.nightly', { count: 1 });
    expect(await runSchedule(app, 'starter.nightly')).toMatchObject({ at: next, status: 'processed' });
    expect(handled).toEqual([next?.toISOString()]);
  });
});
