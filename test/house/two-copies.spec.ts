import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type INestApplicationContext, Injectable, Logger, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import * as Main from '../../src/index.js';
import { inboxRows } from '../support/inbox-rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

// A feature library of a monorepo may bring the package a second time. The copy here is the built package.
let folder: string;
let Copy: typeof Main;
let database: TestDatabase;
let app: INestApplicationContext | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(import.meta.dirname, '.copy-'));
  cpSync(join(import.meta.dirname, '../../dist'), join(folder, 'dist'), { recursive: true });
  Copy = (await import(join(folder, 'dist/index.js'))) as typeof Main;
  database = await createTestDatabase();
});
afterEach(async () => {
  await app?.close();
  app = undefined;
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

const forRoot = (copy: typeof Main) => copy.IntegrationModule.forRoot({ connectionString: database.url });

async function boot(imports: Parameters<typeof Module>[0]['imports'], ...providers: Type[]) {
  @Module({ imports: imports ?? [], providers })
  class RootModule {}
  if (!process.env.TEST_LOG) Logger.overrideLogger(false);
  app = await NestFactory.createApplicationContext(RootModule, { abortOnError: false });
  return app;
}

/** A provider whose handler is decorated by this copy. */
function subscriber(copy: typeof Main, consumerName: string, handle: () => void = () => {}): Type {
  @Injectable()
  class Subscriber {
    @copy.IntegrationSubscriber({ eventName: 'thing.happened', consumerName })
    async onThing(): Promise<void> {
      handle();
    }
  }
  return Subscriber;
}

describe('with two copies of the package in one application', () => {
  it('decorators of the other copy are found, and its errors mean what they say', async () => {
    expect(Copy.SkipEventError).not.toBe(Main.SkipEventError);
    const handled: string[] = [];
    const throwing = (error: Error) => () => {
      throw error;
    };
    // The minified name of a class that extends one of the package's says nothing.
    class a extends Copy.NonRetryableError {
      override readonly name = 'a' as 'NonRetryableError';
    }
    const { api } = apiOf(
      await boot(
        [forRoot(Main)],
        subscriber(Copy, 'library', () => handled.push('library')),
        subscriber(Main, 'skips', throwing(new Copy.SkipEventError('not mine'))),
        subscriber(Copy, 'dies', throwing(new Copy.NonRetryableError('never'))),
        subscriber(Main, 'dies of a subclass', throwing(new a('never'))),
      ),
    );
    await api.publishEvent('thing.happened', 'test', 'thing', 'a1', {});
    await app?.get(Main.OutboxProcessor).drain();
    expect(handled).toEqual(['library']);
    const rows = await Promise.all(
      ['library', 'skips', 'dies', 'dies of a subclass'].map((name) => inboxRows(database, name)),
    );
    expect(rows.map((all) => all.map(({ status }) => status))).toEqual([
      [],
      ['skipped'],
      ['dead_letter'],
      ['dead_letter'],
    ]);
  });

  it('instanceof knows the errors of both, and tells them apart', () => {
    const { IntegrationError, NonRetryableError, RetryAfterError, SkipEventError, UnavailableError } = Copy;
    const errors = [
      [new IntegrationError('INTEGRATION_CLOSED', 'closed'), Main.IntegrationError],
      [new NonRetryableError('never'), Main.NonRetryableError],
      [new RetryAfterError(5), Main.RetryAfterError],
      [new SkipEventError('not mine'), Main.SkipEventError],
      [new UnavailableError('away'), Main.UnavailableError],
    ] as const;
    for (const [error, type] of errors) {
      expect(errors.filter(([, other]) => error instanceof other)).toEqual([[error, type]]);
      expect(error).toBeInstanceOf(Error);
    }
    class Mine extends Main.NonRetryableError {}
    expect(new Mine('never')).toBeInstanceOf(Main.NonRetryableError);
    expect(new NonRetryableError('never')).not.toBeInstanceOf(Mine);
    expect(new Mine('never')).toBeInstanceOf(Mine);
    expect(Object.keys(new Mine('never'))).toEqual(['name']);
  });

  it('a decorator whose form cannot be read fails the boot, by name', async () => {
    @Injectable()
    class Old {
      async onThing(): Promise<void> {}
    }
    Reflect.defineMetadata(Symbol('nestjs-integration:subscriber'), [{}], Old.prototype.onThing);
    await expect(boot([forRoot(Main)], Old)).rejects.toThrow(
      expect.objectContaining({
        code: 'INTEGRATION_SUBSCRIBER_INVALID',
        message: expect.stringContaining(
          'onThing is decorated with @IntegrationSubscriber of another version',
        ),
      }),
    );
  });

  it('the module of both fails the boot', async () => {
    await expect(boot([forRoot(Main), forRoot(Copy)])).rejects.toThrow(
      expect.objectContaining({
        code: 'INTEGRATION_ALREADY_REGISTERED',
        message: expect.stringContaining('two copies of nestjs-integration'),
      }),
    );
  });
});

function apiOf(context: INestApplicationContext) {
  return { api: context.get(Main.IntegrationDeveloperApiService) };
}
