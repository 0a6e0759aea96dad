import type { Type } from '@nestjs/common';
import { z } from 'zod';
import {
  bearer,
  Connector,
  ConnectorSync,
  type ConnectorSyncOptions,
  defineModel,
  type SyncContext,
  type SyncPage,
  SyncsService,
  type TenantSyncs,
} from '../../../src/connectors/index.js';
import type { IntegrationModuleOptions } from '../../../src/index.js';
import { fakeConnection } from '../../../src/testing/fake-connection.js';
import type { TestDatabase } from '../../support/test-database.js';
import { type ConnectorApp, startConnectorApp } from '../connector-app.js';

export const Person = defineModel({
  name: 'person',
  schema: z.object({ id: z.string(), name: z.string(), at: z.string().optional() }),
});

/** What a test's sync does. It is changed by the test between runs. */
export interface Source {
  pages: (context: SyncContext<never>) => AsyncGenerator<SyncPage>;
}

/** A source whose pages are these, with a number as their checkpoint: it goes on behind it. */
export function listed(...pages: readonly (readonly unknown[])[]): Source['pages'] {
  return async function* (context) {
    const done = Number((context.checkpoint as { page?: number } | undefined)?.page ?? 0);
    for (let page = done; page < pages.length; page++)
      yield { records: pages[page] ?? [], checkpoint: { page: page + 1 } };
  };
}

export const person = (id: string, name = id, at?: string) => ({
  id,
  name,
  ...(at === undefined ? {} : { at }),
});

export function peopleConnector(source: Source, options: Partial<ConnectorSyncOptions> = {}): Type {
  @Connector({
    key: 'people',
    name: 'People',
    category: 'hr',
    auth: bearer({ secret: 'token' }),
    secrets: z.object({ token: z.string() }),
    http: { baseUrl: 'http://127.0.0.1:4009' },
  })
  class PeopleConnector {
    @ConnectorSync({ key: 'people', model: Person, mode: 'full', deletions: 'sweep', ...options })
    people(context: SyncContext<never>) {
      return source.pages(context);
    }
  }
  return PeopleConnector;
}

export interface SyncStage {
  readonly app: ConnectorApp;
  readonly connection: { readonly id: string; readonly tenantId: string };
  readonly syncs: TenantSyncs;
}

export async function startSyncApp(
  database: TestDatabase,
  source: Source,
  options: Partial<ConnectorSyncOptions> = {},
  engine: IntegrationModuleOptions = {},
): Promise<ConnectorApp> {
  return startConnectorApp(database, [peopleConnector(source, options)], {}, engine);
}

export async function stageOf(app: ConnectorApp, tenantId = 'acme'): Promise<SyncStage> {
  const connection = await fakeConnection(app.context, 'people', { tenantId, secrets: { token: 'x' } });
  return { app, connection, syncs: app.context.get(SyncsService).forTenant(tenantId) };
}

async function storedEvents(database: TestDatabase, connectionId: string) {
  const { rows } = await database.pool.query<{
    name: string;
    payload: { externalId: string; record?: { name: string } };
  }>(
    `SELECT event_name AS name, payload FROM integration.outbox_event
     WHERE event_name LIKE 'people.person.%' AND payload->>'connectionId' = $1 ORDER BY position`,
    [connectionId],
  );
  return rows;
}

/** The events of records in the log, in their order: `created a`. */
export async function recordEvents(database: TestDatabase, connectionId: string): Promise<string[]> {
  const rows = await storedEvents(database, connectionId);
  return rows.map(({ name, payload }) => `${name.split('.').at(-1)} ${payload.externalId}`);
}

/** What replaying the events alone gives: the ids that are there, each with its name. */
export async function replayed(
  database: TestDatabase,
  connectionId: string,
): Promise<Record<string, string>> {
  const rows = await storedEvents(database, connectionId);
  const there: Record<string, string> = {};
  for (const { name, payload } of rows)
    if (name.endsWith('.deleted')) delete there[payload.externalId];
    else there[payload.externalId] = payload.record?.name ?? '';
  return there;
}
