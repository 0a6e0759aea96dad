import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { startEmbeddedPostgres } from 'nestjs-integration/testing';
import { AppModule } from './app.module';
import { play } from './play/play';

/** Plays in the database at DATABASE_URL, or in one of its own that is gone afterwards. */
async function main(): Promise<boolean> {
  if (process.env.DATABASE_URL !== undefined) return playOnce();
  console.log('There is no DATABASE_URL, so a Postgres is started for this run.');
  const server = await startEmbeddedPostgres();
  process.env.DATABASE_URL = server.url;
  return playOnce().finally(() => server.stop());
}

async function playOnce(): Promise<boolean> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'fatal'] });
  try {
    return await play(app);
  } finally {
    await app.close();
  }
}

main().then(
  (held) => {
    console.log(held ? '\nAll of it held.' : '\nNot all of it held.');
    process.exitCode = held ? 0 : 1;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
