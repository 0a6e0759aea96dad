import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { IntegrationSchedule, SchedulesModule } from '../../src/schedules/index.js';
import { type PartApp, startPartApp } from '../support/part-app.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const done = new Recorder<string>();

@Injectable()
class Jobs {
  @Cron('* * * * * *')
  ofProcess(): void {
    done.record('process');
  }

  @IntegrationSchedule({ name: 'of-all', cron: '* * * * * *' })
  ofAll(): void {
    done.record('all');
  }
}

let database: TestDatabase;
let app: PartApp;

beforeAll(async () => {
  database = await createTestDatabase();
  const imports = [ScheduleModule.forRoot(), SchedulesModule.forRoot()];
  app = await startPartApp(database, {}, { imports, providers: [Jobs] });
});
afterAll(async () => {
  await app?.close();
  await database?.drop();
});

it('a job of @nestjs/schedule and a schedule run in one application', async () => {
  await done.find((each) => each === 'process');
  await done.find((each) => each === 'all');
  expect(done.all).toEqual(expect.arrayContaining(['process', 'all']));
});
