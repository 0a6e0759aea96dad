import { createHmac } from 'node:crypto';
import {
  Controller,
  type DynamicModule,
  type INestApplication,
  Module,
  type ModuleMetadata,
  type NestApplicationOptions,
  Post,
  Req,
} from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  IncomingWebhookService,
  WebhooksModule,
  type WebhooksModuleOptions,
} from 'nestjs-integration/webhooks';
import { IntegrationModule, type IntegrationModuleOptions } from '../../src/index.js';
import { emptyTables } from '../support/empty-tables.js';
import { jsonOf } from '../support/json-of.js';
import type { TestDatabase } from '../support/test-database.js';

export type Platform = 'express' | 'fastify';
export const PLATFORMS: readonly Platform[] = ['express', 'fastify'];

/** A route of the application itself, whose body its own parser reads. */
@Controller('shop')
class ShopController {
  @Post()
  echo(@Req() request: { body: unknown; rawBody?: Buffer }): object {
    return { body: request.body, rawBytes: request.rawBody?.length ?? null };
  }
}

export interface WebhookAppSetup {
  readonly platform?: Platform;
  /** The server, where something stands on it before the application does. */
  readonly adapter?: AbstractHttpAdapter;
  /** Options for `forRoot`, or the module. */
  readonly webhooks: WebhooksModuleOptions | DynamicModule;
  readonly engine?: IntegrationModuleOptions;
  readonly module?: ModuleMetadata;
  readonly create?: NestApplicationOptions;
  /** What the application does to itself before it starts. */
  readonly prepare?: (app: INestApplication) => void;
}

export interface WebhookApp {
  readonly app: INestApplication;
  readonly url: string;
  readonly webhooks: IncomingWebhookService;
  send(path: string, request: SentRequest): Promise<Answered>;
  close(): Promise<void>;
}

export interface SentRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | ReadableStream;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what they expect
  readonly json: any;
}

export async function startWebhookApp(
  database: TestDatabase,
  { platform = 'express', adapter: given, webhooks, engine, module, create, prepare }: WebhookAppSetup,
): Promise<WebhookApp> {
  @Module({
    ...module,
    imports: [
      IntegrationModule.forRoot({ connectionString: database.url, role: 'publisher', ...engine }),
      'module' in webhooks ? webhooks : WebhooksModule.forRoot(webhooks),
      ...(module?.imports ?? []),
    ],
    controllers: [ShopController, ...(module?.controllers ?? [])],
  })
  class AppModule {}
  const adapter = given ?? (platform === 'express' ? new ExpressAdapter() : new FastifyAdapter());
  const app = await NestFactory.create(AppModule, adapter, { logger: false, abortOnError: false, ...create });
  prepare?.(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return {
    app,
    url,
    webhooks: app.get(IncomingWebhookService),
    send: (path, request) => send(url + path, request),
    close: () => app.close(),
  };
}

export async function send(
  url: string,
  { method = 'POST', headers = {}, body }: SentRequest,
): Promise<Answered> {
  const init = { method, headers, ...(body === undefined ? {} : { body, duplex: 'half' }) };
  const response = await fetch(url, init as RequestInit);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: jsonOf(text) };
}

export const SECRET = "It's a Secret to Everybody";

/** A delivery as GitHub sends it. */
export function fromGithub(
  body: string | Buffer,
  { id = 'd1', event = 'push', secret = SECRET, type = 'application/json' } = {},
): SentRequest & { readonly headers: Record<string, string>; readonly body: string | Buffer } {
  return {
    body,
    headers: {
      'content-type': type,
      'x-github-event': event,
      'x-github-delivery': id,
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
  };
}

export interface StoredEvent {
  readonly id: string;
  readonly name: string;
  readonly aggregate: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what they expect
  readonly payload: any;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what they expect
  readonly metadata: any;
}

/** The events in the log, in the order of their positions. */
export async function storedEvents(database: TestDatabase): Promise<StoredEvent[]> {
  const { rows } = await database.pool.query<StoredEvent>(
    `SELECT id, event_name AS name, aggregate_type || '/' || aggregate_id AS aggregate, payload, metadata
     FROM integration.outbox_event ORDER BY position`,
  );
  return rows;
}

/** How many rows each table of incoming webhooks has, and how many events there are. */
export async function storedRows(database: TestDatabase): Promise<Record<string, number>> {
  const { rows } = await database.pool.query(
    `SELECT (SELECT count(*) FROM integration.outbox_event)::int AS events,
       (SELECT count(*) FROM integration.webhook_receipt)::int AS receipts,
       (SELECT count(*) FROM integration.webhook_body)::int AS bodies`,
  );
  return rows[0] as Record<string, number>;
}

/** Deletes what a test left in the tables. */
export async function emptied(database: TestDatabase): Promise<void> {
  await emptyTables(
    database.pool,
    'integration.outbox_event',
    'integration.webhook_receipt',
    'integration.webhook_body',
    'integration.webhook_count',
    'integration.webhook_source',
    'integration.webhook_refusal',
  );
}
