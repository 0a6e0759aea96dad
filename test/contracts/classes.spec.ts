import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { IsInt, IsOptional, IsString, Min, ValidateIf } from 'class-validator';
import { z } from 'zod';
import {
  type AnyEventContract,
  ContractsModule,
  ContractsService,
  classSchema,
  defineEvent,
} from '../../src/contracts/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { emptyTables } from '../support/empty-tables.js';
import { hearLog, type LogLines, silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let heard: LogLines;
const apps: TestApp[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  await emptyTables(database.pool, 'integration.event_contract', 'integration.outbox_event');
});
afterEach(async () => {
  silenceLog();
  await Promise.all(apps.splice(0).map((app) => app.close()));
});
afterAll(() => database.drop());

/** Boots an application with these contracts. */
async function boot(...contracts: readonly AnyEventContract[]): Promise<TestApp> {
  heard = hearLog();
  const app = await startApp(database, [], {
    imports: [ContractsModule.forRoot(), ContractsModule.forFeature(contracts)],
  });
  apps.push(app);
  return app;
}

class Payment {
  @IsInt()
  @Min(1)
  cents!: number;
}
class PaymentInCurrency {
  @IsInt()
  @Min(1)
  cents!: number;

  @IsString()
  currency!: string;
}
class PaymentWithNote {
  @IsInt()
  @Min(1)
  cents!: number;

  @IsOptional()
  @IsString()
  note?: string;
}
class PaymentOnCondition {
  @IsInt()
  @Min(1)
  cents!: number;

  @ValidateIf(({ cents }: PaymentOnCondition) => cents > 100)
  @IsString()
  approvedBy?: string;
}

const paid = (type: new () => object, more: object = {}) =>
  defineEvent({ name: 'order.paid', schema: classSchema(type), ...more });

/** The warnings of the last boot about its contracts. */
const warnings = () =>
  heard.all
    .filter(({ level, context }) => level === 'warn' && context === 'Contracts')
    .map(({ text }) => text);

const kept = async () =>
  (await database.pool.query('SELECT version, schema FROM integration.event_contract ORDER BY version')).rows;

describe('contracts of classes', () => {
  it('are kept with a JSON Schema, which the application can read', async () => {
    const app = await boot(paid(Payment));
    const schema = {
      type: 'object',
      properties: { cents: { type: 'integer', minimum: 1 } },
      required: ['cents'],
    };
    expect(await kept()).toEqual([{ version: 1, schema }]);
    expect(app.context.get(ContractsService).jsonSchema('order.paid')).toEqual(schema);
    expect(warnings()).toEqual([]);
  });

  it('refuse another class under a known version', async () => {
    await boot(paid(Payment));
    await expect(boot(paid(PaymentInCurrency))).rejects.toMatchObject({
      code: 'INTEGRATION_CONTRACT_CHANGED',
      message: expect.stringContaining(
        'Version 1 of "order.paid" is not what was registered under it: payload.currency',
      ),
    });
  });

  it('refuse a version that cannot read the one before, and take it with an upcaster', async () => {
    await boot(paid(Payment));
    await expect(boot(paid(PaymentInCurrency, { version: 2 }))).rejects.toMatchObject({
      code: 'INTEGRATION_CONTRACT_BREAKING',
      message: expect.stringContaining('payload.currency (version 1: absent; version 2: required)'),
    });
    const upcast = { 1: (old: Payment) => ({ ...old, currency: 'EUR' }) };
    await boot(paid(PaymentInCurrency, { version: 2, upcast }));
    expect((await kept()).map(({ version }) => version)).toEqual([1, 2]);
  });

  it('take a version that only adds an optional property', async () => {
    await boot(paid(Payment));
    await boot(paid(PaymentWithNote, { version: 2 }));
    expect(warnings()).toEqual([]);
  });

  it('say at each boot which decorators are not compared', async () => {
    for (const _ of [1, 2]) {
      await boot(paid(PaymentOnCondition));
      expect(warnings()).toEqual([
        expect.stringContaining(
          'Version 1 of "order.paid" is not compared with what is registered in payload.approvedBy (ValidateIf)',
        ),
      ]);
    }
  });

  it('are adopted once, with a WARN, where a release before kept no schema', async () => {
    await database.pool.query(
      `INSERT INTO integration.event_contract (event_name, version, visibility) VALUES ('order.paid', 1, 'internal')`,
    );
    await boot(paid(Payment));
    expect(warnings()).toEqual([
      expect.stringContaining('Version 1 of "order.paid" was registered without a JSON Schema'),
    ]);
    await boot(paid(Payment));
    expect(warnings()).toEqual([]);
    await expect(boot(paid(PaymentInCurrency))).rejects.toMatchObject({
      code: 'INTEGRATION_CONTRACT_CHANGED',
    });
  });

  it('stay registered with their schema when a process boots that cannot make one', async () => {
    await boot(paid(Payment));
    const { jsonSchema: _, ...withoutJsonSchema } = z.object({ cents: z.number() })[
      '~standard'
    ] as unknown as Record<string, unknown>;
    const schema = { '~standard': withoutJsonSchema } as never;
    await boot(defineEvent({ name: 'order.paid', schema }));
    expect(warnings()).toEqual([
      expect.stringContaining(
        'Version 1 of "order.paid" is not compared with what is registered: the library "zod"',
      ),
    ]);
    expect(await kept()).toMatchObject([{ schema: { required: ['cents'] } }]);
  });
});
