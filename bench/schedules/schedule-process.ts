// A process with jobs: a Nest application with schedules of this package, or with those of @nestjs/schedule.
import { pbkdf2Sync } from 'node:crypto';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { IntegrationModule } from 'nestjs-integration';
import { IntegrationSchedule, SchedulesModule } from 'nestjs-integration/schedules';
import pg from 'pg';
import { answering } from '../outgoing/asked-process.js';
import { EVERY_SECONDS, JOBS, type ScheduleCommands, type Way } from './protocol.js';
import { CREATE_RUNS, NOTE_RUN, TELL_TICKER } from './schedules.store.js';

const connectionString = process.env.BENCH_DATABASE_URL ?? '';
const way = process.env.BENCH_WAY as Way | undefined;
/** How often a job derives a key: work of the processor that does not depend on how busy the machine is. */
const rounds = Number(process.env.BENCH_WORK ?? 0);

const pool = new pg.Pool({ connectionString, max: 4 });
let runs = 0;

async function work(job: string): Promise<void> {
  if (rounds > 0) pbkdf2Sync(job, 'salt', rounds, 64, 'sha512');
  await pool.query(NOTE_RUN, [job]);
  runs++;
}

@Injectable()
class Jobs {}

/** The same jobs, each with the decorator of its way. */
function decorate(): void {
  const cron = `*/${EVERY_SECONDS} * * * * *`;
  for (let n = 0; n < JOBS; n++) {
    const name = `job${n}`;
    Object.defineProperty(Jobs.prototype, name, { value: () => work(name), configurable: true });
    const descriptor = Object.getOwnPropertyDescriptor(Jobs.prototype, name) as never;
    if (way === 'nest') Cron(cron)(Jobs.prototype, name, descriptor);
    else IntegrationSchedule({ name, cron })(Jobs.prototype, name, descriptor);
  }
}
if (way !== undefined) decorate();

@Module({
  imports:
    way === 'nest'
      ? [ScheduleModule.forRoot()]
      : [IntegrationModule.forRoot({ connectionString, migrations: 'run' }), SchedulesModule.forRoot()],
  providers: [Jobs],
})
class JobsModule {}

await pool.query(CREATE_RUNS);
const app = await NestFactory.createApplicationContext(JobsModule, { logger: ['error'] });

answering<ScheduleCommands>(
  {
    use: async ({ seconds }) => {
      const before = runs;
      const cpu = process.cpuUsage();
      await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
      const { user, system } = process.cpuUsage(cpu);
      return { cpuMs: (user + system) / 1e3, runs: runs - before };
    },
    wake: async () => {
      await pool.query(TELL_TICKER);
      return undefined;
    },
  },
  async () => {
    await app.close();
    await pool.end();
  },
);
