import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  type INestApplication,
  Module,
  type ModuleMetadata,
  type NestApplicationOptions,
  Query,
  UnauthorizedException,
} from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { IntegrationAdminModule, type IntegrationAdminOptions } from 'nestjs-integration/admin';
import { STREAM_LIMITS, type StreamLimits } from '../../src/admin/streams/open-streams.js';
import { IntegrationModule, type IntegrationModuleOptions } from '../../src/index.js';
import { jsonOf } from '../support/json-of.js';
import type { TestDatabase } from '../support/test-database.js';

export type Platform = 'express' | 'fastify';
export const PLATFORMS: readonly Platform[] = ['express', 'fastify'];

export const PATH = 'ops/integration';
export const TOKEN = 'Bearer operator';

/** Lets in who sends the token. */
export class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    if (headers.authorization === TOKEN) return true;
    throw new UnauthorizedException('Send the token');
  }
}

/** A route of the application itself. */
@Controller('shop')
class ShopController {
  @Get()
  hello(): object {
    return { hello: 'shop' };
  }

  @Get('refused')
  refused(@Query('by') by: string): object {
    return { by };
  }
}

export interface AdminAppSetup {
  readonly platform?: Platform;
  readonly admin?: Partial<IntegrationAdminOptions>;
  readonly engine?: IntegrationModuleOptions;
  readonly module?: Pick<ModuleMetadata, 'imports' | 'providers'>;
  /** Options for making the application. */
  readonly create?: NestApplicationOptions;
  /** Limits of streams, where a test is not to sit out those of users. */
  readonly streams?: StreamLimits;
  /** The server, where a test needs other options of the platform. */
  readonly adapter?: AbstractHttpAdapter;
  /** What the application does to itself before it starts. */
  readonly prepare?: (app: INestApplication) => void;
}

export interface AdminApp {
  readonly app: INestApplication;
  /** The URL of the server, without a path. */
  readonly url: string;
  /** Sends a request with the token to a path below the admin API's. */
  ask(path: string, init?: AskInit): Promise<Answered>;
  /** A second call waits for the first one. */
  close(): Promise<void>;
}

export interface AskInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: string;
  /** The path of the admin API, where it is not `/ops/integration`. */
  readonly base?: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what they expect
  readonly json: any;
}

/** An application with the admin API on a server of its own, which listens on a free port. */
export async function startAdminApp(
  database: Pick<TestDatabase, 'url'>,
  setup: AdminAppSetup = {},
): Promise<AdminApp> {
  const app = await makeAdminApp(database, setup);
  await app.listen(0, '127.0.0.1');
  // A server that closes an idle connection just when the test sends on it would refuse the request.
  app.getHttpServer().keepAliveTimeout = 60_000;
  const url = await app.getUrl();
  let closed: Promise<void> | undefined;
  return {
    app,
    url,
    ask: (path, init) => ask(url, path, init),
    close: () => {
      closed ??= app.close();
      return closed;
    },
  };
}

export async function makeAdminApp(
  database: Pick<TestDatabase, 'url'>,
  { platform = 'express', adapter: given, admin, engine, module, prepare, streams, create }: AdminAppSetup,
): Promise<INestApplication> {
  @Module({
    imports: [
      IntegrationModule.forRoot({
        connectionString: database.url,
        role: 'publisher',
        ...engine,
      }),
      IntegrationAdminModule.forRoot({ path: PATH, guards: [TokenGuard], ...admin }),
      ...(module?.imports ?? []),
    ],
    controllers: [ShopController],
    providers: module?.providers ?? [],
  })
  class AppModule {}
  const adapter = given ?? (platform === 'express' ? new ExpressAdapter() : new FastifyAdapter());
  const app =
    streams === undefined
      ? await NestFactory.create(AppModule, adapter, { logger: false, abortOnError: false, ...create })
      : (
          await Test.createTestingModule({ imports: [AppModule] })
            .overrideProvider(STREAM_LIMITS)
            .useValue(streams)
            .compile()
        ).createNestApplication(adapter, { logger: false });
  prepare?.(app);
  return app;
}

export const JSON_HEADERS = { 'content-type': 'application/json', 'x-integration-admin': 'test' };

export async function ask(url: string, path: string, init: AskInit = {}): Promise<Answered> {
  const { method = 'GET', json, body, base = `/${PATH}` } = init;
  const given = { authorization: TOKEN, ...(json === undefined ? {} : JSON_HEADERS), ...init.headers };
  const headers = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const sent = json === undefined ? body : JSON.stringify(json);
  const response = await fetch(`${url}${base}/${path}`.replace(/([^:])\/\/+/g, '$1/'), {
    method,
    headers,
    ...(sent === undefined ? {} : { body: sent }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: jsonOf(text) };
}

/** Registers a consumer in the tables, as a process that is gone has left it. */
export async function registerConsumer(database: Pick<TestDatabase, 'pool'>, name: string): Promise<void> {
  await database.pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread) VALUES ($1, '{order.*}', '{[1,)}')`,
    [name],
  );
}
