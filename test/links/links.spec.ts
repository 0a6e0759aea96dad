import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { HostClient } from '../../src/database/clients/host-client.js';
import type { SqlClient } from '../../src/database/clients/sql-client.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { IntegrationError } from '../../src/errors.js';
import type { CreateIntegrationLinkDto } from '../../src/links/integration-link.js';
import { IntegrationLinkService } from '../../src/links/integration-link.service.js';
import { IntegrationLinkStore } from '../../src/links/integration-link.store.js';
import type { PrismaClient } from '../generated/prisma/client.js';
import { emptyTables } from '../support/empty-tables.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let prisma: PrismaClient;
let db: EngineDatabase;
let links: IntegrationLinkService;

beforeAll(async () => {
  database = await createTestDatabase();
  prisma = database.prisma();
  db = new EngineDatabase({ connectionString: database.url, schema: 'integration' });
  links = new IntegrationLinkService(new HostClient(prisma), new IntegrationLinkStore(db));
});
beforeEach(() => emptyTables(database.pool, 'integration.integration_link'));
afterAll(async () => {
  await db?.close();
  await database?.drop();
});

const LINK: CreateIntegrationLinkDto = {
  sourceModule: 'finance',
  sourceEntityType: 'invoice',
  sourceEntityId: 'i-1',
  targetModule: 'operations',
  targetEntityType: 'order',
  targetEntityId: 'o-1',
  linkType: 'reference',
};
const INVOICE = { module: 'finance', entityType: 'invoice', entityId: 'i-1' };
const ORDER = { module: 'operations', entityType: 'order', entityId: 'o-1' };

async function refusal(call: Promise<unknown>): Promise<IntegrationError> {
  const error = await call.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  if (error instanceof IntegrationError) return error;
  throw error;
}

describe('creating a link', () => {
  it('returns it as it is kept', async () => {
    const link = await links.createLink({ ...LINK, metadata: { note: 'ü', nested: [1] } });
    expect(link).toEqual({
      ...LINK,
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      metadata: { note: 'ü', nested: [1] },
      createdAt: expect.any(Date),
      updatedAt: expect.any(Date),
    });
    expect(await links.findOutbound('finance', 'invoice', 'i-1')).toEqual([link]);
  });

  it('again changes nothing and returns the first', async () => {
    const first = await links.createLink({ ...LINK, metadata: { note: 1 } });
    expect(await links.createLink({ ...LINK, metadata: { note: 2 } })).toEqual(first);
    const other = await links.createLink({ ...LINK, linkType: 'cascade' });
    expect(other.id).not.toBe(first.id);
  });

  it('at the same time in many transactions makes one', async () => {
    const made = await Promise.all(
      Array.from({ length: 10 }, () => prisma.$transaction((tx) => links.createLink(LINK, tx))),
    );
    expect(new Set(made.map((link) => link.id)).size).toBe(1);
  });

  it('in a transaction commits or vanishes with it', async () => {
    await prisma
      .$transaction(async (tx) => {
        await links.createLink(LINK, tx);
        expect(await links.findOutbound('finance', 'invoice', 'i-1', tx)).toHaveLength(1);
        throw new Error('rolled back');
      })
      .catch(() => {});
    expect(await links.findOutbound('finance', 'invoice', 'i-1')).toEqual([]);
    await prisma.$transaction((tx) => links.createLink(LINK, tx));
    expect(await links.findOutbound('finance', 'invoice', 'i-1')).toHaveLength(1);
  });

  it('works through the engine’s own connections, for hosts without a client', async () => {
    const own = new IntegrationLinkService(new HostClient(db.openClient()), new IntegrationLinkStore(db));
    const link = await own.createLink({ ...LINK, metadata: { a: 1 } });
    expect(await links.findOutbound('finance', 'invoice', 'i-1')).toEqual([link]);
    expect(await own.removeLink(link.id)).toBe(true);
  });
});

describe('finding links', () => {
  beforeEach(async () => {
    await links.createLink(LINK);
    await links.createLink({ ...LINK, targetEntityId: 'o-2', linkType: 'cascade' });
    await links.createLink({
      ...LINK,
      sourceModule: 'operations',
      sourceEntityType: 'order',
      sourceEntityId: 'o-1',
      targetModule: 'finance',
      targetEntityType: 'invoice',
      targetEntityId: 'i-1',
    });
  });

  it('by source, by target, by type, in the order they were made', async () => {
    const outbound = await links.findOutbound('finance', 'invoice', 'i-1');
    expect(outbound.map((link) => link.targetEntityId)).toEqual(['o-1', 'o-2']);
    const inbound = await links.findInbound('operations', 'order', 'o-2');
    expect(inbound.map((link) => link.sourceEntityId)).toEqual(['i-1']);
    expect(await links.findByLinkType('cascade')).toEqual(inbound);
    expect(await links.findByLinkType('aggregate_root')).toEqual([]);
  });

  it('between two entities, in either direction', async () => {
    const between = await links.findBidirectional(INVOICE, ORDER);
    expect(between.map((link) => link.sourceModule)).toEqual(['finance', 'operations']);
    expect(await links.findBidirectional(ORDER, INVOICE)).toEqual(between);
    expect(await links.findBidirectional(INVOICE, { ...ORDER, entityId: 'o-3' })).toEqual([]);
  });
});

describe('removing a link', () => {
  it('says whether there was one', async () => {
    const { id } = await links.createLink(LINK);
    expect(await links.removeLink(id)).toBe(true);
    expect(await links.removeLink(id)).toBe(false);
    expect(await links.findOutbound('finance', 'invoice', 'i-1')).toEqual([]);
  });

  it('is undone with its transaction', async () => {
    const { id } = await links.createLink(LINK);
    await prisma
      .$transaction(async (tx) => {
        expect(await links.removeLink(id, tx)).toBe(true);
        throw new Error('rolled back');
      })
      .catch(() => {});
    expect(await links.findOutbound('finance', 'invoice', 'i-1')).toHaveLength(1);
  });
});

describe('what is refused before any SQL', () => {
  it.each([
    ['sourceModule', ''],
    ['sourceModule', 'x'.repeat(128)],
    ['sourceEntityType', undefined],
    ['sourceEntityId', 7],
    ['targetEntityId', 'x'.repeat(256)],
    ['targetModule', 'a\0'],
    ['linkType', 'friendship'],
    ['metadata', 'text'],
    ['metadata', { deep: [1n] }],
    ['metadata', { big: 'x'.repeat(70_000) }],
  ])('a bad %s (case %#), and the transaction stays usable', async (field, value) => {
    await prisma.$transaction(async (tx) => {
      const error = await refusal(
        links.createLink({ ...LINK, [field]: value } as CreateIntegrationLinkDto, tx),
      );
      expect(error.code).toBe('INTEGRATION_LINK_INVALID');
      expect(error.message).toContain(field);
      await links.createLink(LINK, tx);
    });
    expect(await links.findByLinkType('reference')).toHaveLength(1);
  });

  it('no object, an unknown type, an id that is none, a client that is none', async () => {
    for (const call of [
      () => links.createLink(undefined as unknown as CreateIntegrationLinkDto),
      () => links.findByLinkType('other' as 'reference'),
      () => links.findInbound('', 't', 'i'),
      () => links.findBidirectional(INVOICE, undefined as unknown as typeof ORDER),
      () => links.removeLink('7'),
    ]) {
      expect((await refusal(call())).code).toBe('INTEGRATION_LINK_INVALID');
    }
    const error = await refusal(links.createLink(LINK, {} as SqlClient));
    expect(error.code).toBe('INTEGRATION_CLIENT_INVALID');
  });
});
