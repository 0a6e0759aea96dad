import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IsInt, IsString, ValidateIf } from 'class-validator';
import { z } from 'zod';
import { ContractsModule, classSchema, defineEvent, type EventSchema } from '../../src/contracts/index.js';
import { type AdminApp, PLATFORMS, startAdminApp } from '../admin/admin-app.js';
import { runJsonCommand } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

class Payment {
  @IsInt()
  cents!: number;

  @ValidateIf(({ cents }: Payment) => cents > 100)
  @IsString()
  approvedBy!: string;
}

/** A schema of a library that has no JSON Schema. */
const plain: EventSchema<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'plain', validate: (value) => ({ value }) },
};
const CONTRACTS = [
  defineEvent({ name: 'order.placed', schema: z.object({ total: z.number() }), visibility: 'public' }),
  defineEvent({
    name: 'order.placed',
    version: 2,
    schema: z.object({ total: z.number(), note: z.string().optional() }),
    visibility: 'public',
    description: 'An order was placed.',
  }),
  defineEvent({ name: 'order.paid', schema: classSchema(Payment) }),
  defineEvent({ name: 'parcel.sent', schema: plain, retired: true }),
];

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe.each(PLATFORMS)('on %s, the admin API of contracts', (platform) => {
  let admin: AdminApp;
  const denied = new Set<string>();

  beforeAll(async () => {
    admin = await startAdminApp(database, {
      platform,
      admin: { permission: (_, action) => !denied.has(action) },
      module: { imports: [ContractsModule.forRoot(), ContractsModule.forFeature(CONTRACTS)] },
    });
  });
  afterAll(() => admin.close());

  const version = {
    registeredAt: expect.any(String),
    description: null,
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    hasSchema: true,
    retired: false,
    retiredAt: null,
    visibility: 'internal',
    compared: 'whole',
    notCompared: [],
  };

  it('lists what processes have registered, and says of each whether it is compared', async () => {
    const { status, json } = await admin.ask('contracts');
    const ofOrder = { ...version, visibility: 'public' };
    expect([status, json]).toEqual([
      200,
      {
        items: [
          {
            name: 'order.paid',
            versions: [
              {
                ...version,
                version: 1,
                compared: 'in part',
                notCompared: ['payload.approvedBy (ValidateIf)'],
              },
            ],
          },
          {
            name: 'order.placed',
            versions: [
              { ...ofOrder, version: 1 },
              { ...ofOrder, version: 2, description: 'An order was placed.' },
            ],
          },
          {
            name: 'parcel.sent',
            versions: [
              {
                ...version,
                version: 1,
                hash: null,
                hasSchema: false,
                retired: true,
                retiredAt: expect.any(String),
                compared: 'not',
              },
            ],
          },
        ],
        next: null,
      },
    ]);
  });

  it('gives them in pages by name', async () => {
    const first = (await admin.ask('contracts?limit=2')).json;
    expect(first.items.map(({ name }: { name: string }) => name)).toEqual(['order.paid', 'order.placed']);
    const second = (await admin.ask(`contracts?limit=2&after=${first.next}`)).json;
    expect(second).toMatchObject({ items: [{ name: 'parcel.sent' }], next: null });
    expect(await admin.ask('contracts?after=nowhere')).toMatchObject({ status: 400 });
  });

  it('shows the versions of one event with their schemas', async () => {
    const { json } = await admin.ask('contracts/order.placed');
    expect(json).toMatchObject({
      name: 'order.placed',
      versions: [
        { version: 1, schema: { properties: { total: { type: 'number' } } } },
        { version: 2, schema: { properties: { note: { type: 'string' } } } },
      ],
    });
    expect((await admin.ask('contracts/parcel.sent')).json.versions).toMatchObject([
      { schema: null, compared: 'not' },
    ]);
    expect(await admin.ask('contracts/nobody.knows')).toMatchObject({
      status: 404,
      json: { code: 'INTEGRATION_ADMIN_NOT_FOUND', detail: 'There is no contract of "nobody.knows"' },
    });
  });

  it('refuses who may not see them', async () => {
    denied.add('contracts.read');
    for (const path of ['contracts', 'contracts/order.placed'])
      expect(await admin.ask(path)).toMatchObject({
        status: 403,
        json: { code: 'INTEGRATION_ADMIN_DENIED' },
      });
    const { json } = await admin.ask('session');
    expect([json.parts, json.actions.includes('contracts.read')]).toEqual([['contracts'], false]);
    denied.clear();
  });
});

describe('the commands of contracts', () => {
  it('say whether a contract is compared', async () => {
    const { result } = await runJsonCommand(['contracts', 'list'], database);
    expect(result.contracts).toMatchObject([
      { name: 'order.paid', compared: 'in part', notCompared: ['payload.approvedBy (ValidateIf)'] },
      { name: 'order.placed', compared: 'whole' },
      { name: 'order.placed', compared: 'whole' },
      { name: 'parcel.sent', compared: 'not' },
    ]);
  });
});

describe('an application without ContractsModule', () => {
  it('has none of its routes', async () => {
    const admin = await startAdminApp(database);
    try {
      for (const path of ['contracts', 'contracts/order.placed'])
        expect([path, (await admin.ask(path)).status]).toEqual([path, 404]);
    } finally {
      await admin.close();
    }
  });
});
