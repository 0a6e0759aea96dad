import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Type } from 'class-transformer';
import { IsInt, IsString, Min, ValidateNested } from 'class-validator';
import * as v from 'valibot';
import { z } from 'zod';
import {
  type AnyEventContract,
  ContractsModule,
  type ContractsOptions,
  ContractsService,
  classSchema,
  defineEvent,
  type EventSchema,
  jsonSchema,
} from '../../src/contracts/index.js';
import type { IntegrationModuleOptions } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { emptyTables } from '../support/empty-tables.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
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

function modules(
  contracts: readonly AnyEventContract[],
  options: ContractsOptions = {},
): IntegrationModuleOptions {
  return { imports: [ContractsModule.forRoot(options), ContractsModule.forFeature(contracts)] };
}

async function boot(
  contracts: readonly AnyEventContract[],
  options: ContractsOptions = {},
): Promise<TestApp> {
  const app = await startApp(database, [], modules(contracts, options));
  apps.push(app);
  return app;
}

const order = <S extends EventSchema>(schema: S, more: object = {}) =>
  defineEvent({ name: 'order.placed', schema, ...more });

async function registered(): Promise<Record<string, unknown>[]> {
  const { rows } = await database.pool.query(
    'SELECT * FROM integration.event_contract ORDER BY event_name, version',
  );
  return rows;
}

const FIRST = z.object({ total: z.number(), note: z.string().optional() });

describe('the boot', () => {
  it('keeps each contract once, and writes nothing for one that is known', async () => {
    const contracts = [
      order(FIRST, { description: 'An order.', visibility: 'public' }),
      defineEvent({ name: 'order.closed', version: 3, schema: v.object({ at: v.string() }) }),
    ];
    await boot(contracts);
    const before = await registered();
    expect(before).toMatchObject([
      { event_name: 'order.closed', version: 3, visibility: 'internal', retired_at: null },
      {
        event_name: 'order.placed',
        version: 1,
        visibility: 'public',
        description: 'An order.',
        schema: { type: 'object', required: ['total'], properties: { total: { type: 'number' } } },
        schema_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
    await boot(contracts);
    expect(await registered()).toEqual(before);
    await boot([
      order(z.object({ note: z.string().describe('x').optional(), total: z.number() }), { retired: true }),
    ]);
    expect(await registered()).toMatchObject([
      {},
      { retired_at: expect.any(Date), registered_at: before[1]?.registered_at },
    ]);
  });

  it('refuses another schema under a known version, and says where it differs', async () => {
    await boot([order(FIRST)]);
    const changed = order(z.object({ total: z.string(), note: z.string().optional() }));
    await expect(boot([changed])).rejects.toMatchObject({
      code: 'INTEGRATION_CONTRACT_CHANGED',
      message:
        'Version 1 of "order.placed" is not what was registered under it: payload.total (registered: a number; now: a string). Stored events of version 1 have the registered schema. Define the changed schema as version 2, with upcast: { 1: (payload) => … } if it cannot read version 1, or put the schema back.',
    });
    await expect(boot([order(z.object({ total: z.number() }))])).rejects.toMatchObject({
      code: 'INTEGRATION_CONTRACT_CHANGED',
    });
    await boot([order(v.object({ total: v.number(), note: v.optional(v.string()) }))]);
  });

  it('refuses a version that cannot read the one before without an upcaster', async () => {
    await boot([order(FIRST)]);
    const second = z.object({ total: z.number(), currency: z.string() });
    await expect(boot([order(second, { version: 2 })])).rejects.toMatchObject({
      code: 'INTEGRATION_CONTRACT_BREAKING',
      message:
        'Version 2 of "order.placed" cannot read what version 1 stored: payload.currency (version 1: absent; version 2: required). Add upcast: { 1: (payload) => … } to version 2, or allow what version 1 allows.',
      details: { findings: [expect.objectContaining({ path: 'payload.currency' })] },
    });
    expect(await registered()).toHaveLength(1);
    await boot([
      order(second, { version: 2, upcast: { 1: (old: object) => ({ ...old, currency: 'EUR' }) } }),
    ]);
    expect(await registered()).toHaveLength(2);
    // The upcaster is still needed: the log has events of version 1.
    const third = second.extend({ country: z.string().optional() });
    await expect(boot([order(third, { version: 3 })])).rejects.toMatchObject({
      code: 'INTEGRATION_CONTRACT_BREAKING',
    });
  });

  it('takes a version that reads the one before, and the old code beside it', async () => {
    await boot([order(FIRST)]);
    await boot([order(FIRST.extend({ country: z.string().optional() }), { version: 2 })]);
    await boot([order(FIRST)]);
    expect(await registered()).toHaveLength(2);
  });

  it('refuses a version of a public event that its readers cannot read', async () => {
    const kinds = (...values: [string, ...string[]]) => z.object({ kind: z.enum(values) });
    await boot([order(kinds('a', 'b'), { visibility: 'public' })]);
    const second = { version: 2, visibility: 'public' };
    await expect(boot([order(kinds('a', 'b', 'c'), second)])).rejects.toMatchObject({
      code: 'INTEGRATION_CONTRACT_BREAKING',
      message: expect.stringContaining(
        'Readers of the public event "order.placed" that know only version 1 cannot read version 2: payload.kind (version 1: "a" or "b"; version 2: "c")',
      ),
    });
    await boot([order(kinds('a', 'b', 'c'), { version: 2 })]);
  });

  it('warns of what it cannot judge, and of everything where enforcement is "warn"', async () => {
    const lines = hearLog();
    await boot([order(z.object({ total: z.number().transform(String) }))]);
    await boot([order(z.object({ total: z.string() }), { version: 2 })]);
    expect(lines.texts('warn').join()).toContain(
      'Whether version 2 of "order.placed" can read version 1 cannot be judged',
    );
    const before = await registered();
    await boot([order(z.object({ other: z.string() }), { version: 2 })], { enforcement: 'warn' });
    expect(lines.texts('warn').join()).toContain(
      'Version 2 of "order.placed" is not what was registered under it',
    );
    expect(await registered()).toEqual(before);
  });

  it('refuses two contracts of one name and version, and modules without a root or with two', async () => {
    await expect(boot([order(FIRST), order(FIRST)])).rejects.toMatchObject({
      code: 'INTEGRATION_CONTRACT_DUPLICATE',
    });
    const same = order(FIRST);
    await boot([same, same]);
    const feature = ContractsModule.forFeature([same]);
    await expect(startApp(database, [], { imports: [feature] })).rejects.toMatchObject({
      code: 'INTEGRATION_OPTIONS_INVALID',
      message: expect.stringContaining('ContractsModule.forRoot()'),
    });
    const roots = [ContractsModule.forRoot(), ContractsModule.forRoot()];
    await expect(startApp(database, [], { imports: roots })).rejects.toMatchObject({
      code: 'INTEGRATION_ALREADY_REGISTERED',
    });
  });

  it('keeps one schema of a version when processes with different ones boot at once', async () => {
    const schemas = [z.object({ a: z.string() }), z.object({ b: z.string() }), z.object({ c: z.string() })];
    // All of them have looked, and come to the writing together.
    const holder = await database.pool.connect();
    await holder.query('BEGIN; LOCK TABLE integration.event_contract IN SHARE ROW EXCLUSIVE MODE');
    const boots = Promise.allSettled(schemas.map((schema) => boot([order(schema)])));
    await until('all of them wait', async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM pg_locks WHERE NOT granted AND relation = 'integration.event_contract'::regclass
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      return rows.length === schemas.length;
    });
    await holder.query('COMMIT');
    holder.release();
    const results = await boots;
    const refused = results.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []));
    expect(refused).toEqual(['INTEGRATION_CONTRACT_CHANGED', 'INTEGRATION_CONTRACT_CHANGED']);
    expect(await registered()).toHaveLength(1);
  });

  it('lets versions 1 and 2 boot at once, and judges each by the other', async () => {
    const second = order(FIRST.extend({ more: z.string().optional() }), { version: 2 });
    await Promise.all([boot([order(FIRST)]), boot([second]), boot([order(FIRST)]), boot([second])]);
    expect(await registered()).toMatchObject([{ version: 1 }, { version: 2 }]);
  });
});

class Line {
  @IsString() sku!: string;
}
class Order {
  @IsInt() @Min(1) total!: number;
  @ValidateNested({ each: true }) @Type(() => Line) lines!: Line[];
}

describe('schemas of this package', () => {
  const SOURCE = { sourceModule: 's', aggregateType: 'a', aggregateId: '1' };

  it('jsonSchema: stores with defaults, rejects with every path, and keeps the schema', async () => {
    const schema = jsonSchema<{ total: number; at?: Date; tags?: string[] }>({
      type: 'object',
      properties: {
        total: { type: 'integer', minimum: 1 },
        at: { type: 'string', format: 'date-time' },
        currency: { type: 'string', default: 'EUR' },
      },
      required: ['total'],
      additionalProperties: false,
    });
    const contract = order(schema);
    const { api, context } = await boot([contract]);
    await api.publishEvent(contract.event({ ...SOURCE, payload: { total: 1, at: new Date(0) } }));
    const { rows } = await database.pool.query('SELECT payload FROM integration.outbox_event');
    expect(rows).toEqual([{ payload: { total: 1, at: '1970-01-01T00:00:00.000Z', currency: 'EUR' } }]);
    const wrong = { ...SOURCE, eventName: 'order.placed', payload: { at: 'x', more: 1 } };
    await expect(api.publishEvent(wrong)).rejects.toMatchObject({
      details: { paths: expect.arrayContaining(['payload.total', 'payload.at', 'payload.more']) },
    });
    expect(context.get(ContractsService).jsonSchema('order.placed')).toMatchObject({ required: ['total'] });
    await expect(
      boot([defineEvent({ name: 'x', schema: jsonSchema({ type: 'nonsense' }) })]),
    ).rejects.toMatchObject({
      code: 'INTEGRATION_OPTIONS_INVALID',
    });
  });

  it('classSchema: takes instances and plain objects, removes what has no decorator', async () => {
    const contract = order(classSchema(Order));
    const { api } = await boot([contract]);
    await api.publishEvent(
      contract.event({ ...SOURCE, payload: { total: 1, lines: [{ sku: 'a', more: 1 } as Line] } }),
    );
    await api.publishEvent(
      contract.event({ ...SOURCE, payload: Object.assign(new Order(), { total: 2, lines: [] }) }),
    );
    const { rows } = await database.pool.query(
      'SELECT payload FROM integration.outbox_event ORDER BY position',
    );
    expect(rows).toEqual([
      { payload: { total: 1, lines: [{ sku: 'a' }] } },
      { payload: { total: 2, lines: [] } },
    ]);
    const wrong = { ...SOURCE, eventName: 'order.placed', payload: { total: 0, lines: [{ sku: 5 }] } };
    await expect(api.publishEvent(wrong)).rejects.toMatchObject({
      code: 'INTEGRATION_CONTRACT_VIOLATION',
      details: { paths: ['payload.total', 'payload.lines[0].sku'] },
    });
  });
});
