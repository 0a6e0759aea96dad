import { randomBytes } from 'node:crypto';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  type AnyEventContract,
  ContractsModule,
  defineEvent,
  jsonSchema,
} from 'nestjs-integration/contracts';
import { SecretsModule, staticKeys } from 'nestjs-integration/secrets';
import {
  type OutgoingWebhooksOptions,
  type TenantDestinations,
  WebhookDestinationsService,
  WebhooksModule,
} from 'nestjs-integration/webhooks';
import {
  type DomainEventInput,
  DomainEventPublisher,
  IntegrationModule,
  type IntegrationModuleOptions,
  type Operation,
  OperationService,
  OutboxProcessor,
} from '../../src/index.js';
import { LANES } from '../../src/lanes/outgoing-target.store.js';
import { OutgoingEngine } from '../../src/webhooks/outgoing/outgoing-engine.js';
import { emptyTables } from '../support/empty-tables.js';
import { TEST_LOGGER } from '../support/log-lines.js';
import { operationEnded } from '../support/running-operation.js';
import type { TestDatabase } from '../support/test-database.js';

export const KEY_BYTES = randomBytes(32);
export const KEYS = staticKeys({ k1: KEY_BYTES });
export const ALL_LANES = Array.from({ length: LANES }, (_, lane) => lane);

/** A public event whose payload receivers get as it is. */
export const invoiceCreated = defineEvent({
  name: 'invoice.created',
  schema: jsonSchema({ type: 'object' }),
  visibility: 'public',
  description: 'An invoice was made.',
});

/** A public event under another type, of which receivers do not get everything. */
export const customerRenamed = defineEvent({
  name: 'crm.customer-renamed',
  schema: jsonSchema<{ name: string; note?: string }>({ type: 'object' }),
  visibility: 'public',
  webhook: {
    type: 'customer.renamed',
    data: ({ payload }) => ({ name: (payload as { name: string }).name }),
  },
});

/** An event that stays inside. */
export const invoiceChecked = defineEvent({
  name: 'invoice.checked',
  schema: jsonSchema({ type: 'object' }),
});

export const CONTRACTS: readonly AnyEventContract[] = [invoiceCreated, customerRenamed, invoiceChecked];

export interface OutgoingSetup {
  readonly contracts?: readonly AnyEventContract[];
  readonly outgoing?: OutgoingWebhooksOptions;
  readonly engine?: IntegrationModuleOptions;
  /** Whether it works by itself. Otherwise `route` does. */
  readonly isRunning?: boolean;
}

export interface OutgoingApp {
  readonly context: INestApplicationContext;
  readonly engine: OutgoingEngine;
  of(tenantId: string): TenantDestinations;
  publish(...events: readonly Partial<DomainEventInput>[]): Promise<number[]>;
  /** Routes what is in the log. */
  route(): Promise<void>;
  /** Catches up with everything that can be caught up with. */
  catchUp(): Promise<void>;
  close(): Promise<void>;
}

/** An event of `invoice.created`, for the tenant acme, unless something else is given. */
export function invoice(given: Partial<DomainEventInput> = {}): DomainEventInput {
  return {
    eventName: 'invoice.created',
    sourceModule: 'billing',
    aggregateType: 'invoice',
    aggregateId: 'i1',
    payload: { total: 1 },
    metadata: { tenantId: 'acme' },
    ...given,
  } as DomainEventInput;
}

export async function startOutgoingApp(
  database: TestDatabase,
  { contracts = CONTRACTS, outgoing = {}, engine, isRunning = false }: OutgoingSetup = {},
): Promise<OutgoingApp> {
  @Module({
    imports: [
      IntegrationModule.forRoot({
        connectionString: database.url,

        ...engine,
        settings: {
          'processor.enabled': isRunning,
          retryBaseDelayMs: 100,
          retryMaxDelayMs: 200,
          pollingIntervalMs: 200,
          ...engine?.settings,
        },
      }),
      ContractsModule.forRoot(),
      ContractsModule.forFeature(contracts),
      SecretsModule.forRoot({ keys: KEYS }),
      WebhooksModule.forRoot({ outgoing }),
    ],
  })
  class App {}
  const context = await Test.createTestingModule({ imports: [App] })
    .setLogger(TEST_LOGGER)
    .compile();
  await context.init();
  const publisher = context.get(DomainEventPublisher);
  const outgoingEngine = context.get(OutgoingEngine, { strict: false });
  return {
    context,
    engine: outgoingEngine,
    of: (tenantId) => context.get(WebhookDestinationsService).forTenant(tenantId),
    async publish(...events) {
      const positions: number[] = [];
      for (const event of events)
        positions.push((await publisher.publishEvent(invoice(event), { outsideTransaction: true })).position);
      return positions;
    },
    route: async () => {
      await context.get(OutboxProcessor).drain();
    },
    async catchUp() {
      while (await outgoingEngine.catchUp.round(ALL_LANES));
    },
    close: () => context.close(),
  };
}

export interface DeliveryRow {
  readonly destinationId: string;
  readonly position: number;
  readonly status: string;
  readonly data: string | null;
  readonly type: string | null;
  readonly isWaiting: boolean;
}

/** The deliveries of a destination, by position. */
export async function deliveriesOf(database: TestDatabase, destinationId: string): Promise<DeliveryRow[]> {
  const { rows } = await database.pool.query<DeliveryRow>(
    `SELECT v.destination_id AS "destinationId", v.position::int, v.status, m.data, m.type, v.due_at = 'infinity' AS "isWaiting"
     FROM integration.webhook_delivery v LEFT JOIN integration.webhook_message m USING (position)
     WHERE v.destination_id = $1 ORDER BY v.position`,
    [destinationId],
  );
  return rows;
}

export async function positionsOf(database: TestDatabase, destinationId: string): Promise<number[]> {
  return (await deliveriesOf(database, destinationId)).map(({ position }) => position);
}

/** Gives every delivery this status, as if it had been tried. */
export async function triedAlready(database: TestDatabase, status: string): Promise<void> {
  await database.pool.query('UPDATE integration.webhook_delivery SET status = $1, attempts = 8', [status]);
}

/**
 * Runs a planned operation, which the application works off by itself. A second runner in its process would
 * take the lease from it with each portion, so that neither of them gets anywhere.
 */
export async function runOperation(app: OutgoingApp, { id }: Operation): Promise<Operation> {
  const operations = app.context.get(OperationService);
  await operations.run(id);
  return operationEnded(operations, id);
}

/** What destinations are and have, with their secrets and the audit of their changes. */
export const DESTINATION_TABLES = [
  'integration.webhook_delivery',
  'integration.webhook_message',
  'integration.webhook_attempt',
  'integration.webhook_subscription',
  'integration.webhook_destination',
  'integration.outgoing_target',
  'integration.integration_secret',
  'integration.integration_audit',
];

/** Empties what outgoing webhooks and the log have. */
export async function emptyOutgoing(database: TestDatabase): Promise<void> {
  await emptyTables(
    database.pool,
    'integration.outbox_event',
    'integration.inbox_event',
    'integration.inbox_cursor',
    ...DESTINATION_TABLES,
    'integration.event_contract',
    // Or a round of one test would leave the tasks of the next one to a later time.
    'integration.integration_maintenance',
  );
}
