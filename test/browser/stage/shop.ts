import {
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
  Inject,
  Module,
  type ModuleMetadata,
  type OnModuleInit,
  UnauthorizedException,
} from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import {
  type AdminAction,
  type AdminHttpRequest,
  IntegrationAdminModule,
  type IntegrationAdminOptions,
} from 'nestjs-integration/admin';
import { PAGE_FILES } from '../../../src/admin/page/admin-page.js';
import { pageFiles } from '../../../src/admin/page/page-files.js';
import {
  EventSubscriberRegistry,
  IntegrationDeveloperApiService,
  IntegrationModule,
  type IntegrationModuleOptions,
} from '../../../src/index.js';
import { BEAT_INTERVAL_MS } from '../../../src/membership/lease-keeper.js';
import type { AnySubscriberDefinition } from '../../../src/subscribers/subscriber-definition.js';
import type { TestDatabase } from '../../support/test-database.js';
import type { BrowserContext } from './browser.js';

export type Platform = 'express' | 'fastify';
export const PATH = 'ops/integration';

/** Somebody who has signed in, and what they may do. */
export interface Operator {
  readonly name: string;
  readonly may: (action: AdminAction) => boolean;
}

export const OPERATOR: Operator = { name: 'ada@shop.example', may: () => true };
export const READER: Operator = { name: 'ben@shop.example', may: (action) => action.endsWith('.read') };

/** Lets in who has the cookie of a session that has not ended. */
export class Sessions implements CanActivate {
  private readonly open = new Map<string, Operator>();

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: { cookie?: string }; user?: unknown }>();
    const id = /session=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
    const operator = this.open.get(id);
    if (operator === undefined) throw new UnauthorizedException('Sign in');
    request.user = operator;
    return true;
  }

  /** Signs somebody in: the windows of this context have the cookie. */
  async signIn(context: BrowserContext, url: string, operator: Operator = OPERATOR): Promise<void> {
    const id = `s${this.open.size}${process.hrtime.bigint()}`;
    this.open.set(id, operator);
    await context.addCookies([{ name: 'session', value: id, url }]);
  }

  endAll(): void {
    this.open.clear();
  }
}

export interface ShopSetup {
  readonly subscribers?: readonly AnySubscriberDefinition[];
  readonly platform?: Platform;
  readonly path?: string;
  readonly admin?: Partial<IntegrationAdminOptions>;
  readonly engine?: IntegrationModuleOptions;
  readonly prepare?: (app: INestApplication) => void;
  /** Modules of parts. */
  readonly imports?: ModuleMetadata['imports'];
  /** The folder of the page, where it is not that of the package. */
  readonly pageFolder?: string;
}

/** An application with subscribers, the admin API and the dashboard, on a port of its own. */
export interface Shop {
  readonly app: INestApplication;
  readonly api: IntegrationDeveloperApiService;
  readonly sessions: Sessions;
  /** Its origin. */
  readonly url: string;
  close(): Promise<void>;
}

/** Short delays, so that nobody waits for the engine. */
const FAST = {
  maxAttempts: 2,
  retryBaseDelayMs: 100,
  retryMaxDelayMs: 200,
  pollingIntervalMs: 200,
  idlePollingIntervalMs: 400,
};

export async function openShop(database: TestDatabase, setup: ShopSetup = {}): Promise<Shop> {
  const {
    subscribers = [],
    platform = 'express',
    path = PATH,
    admin,
    engine,
    prepare,
    imports = [],
    pageFolder,
  } = setup;
  const sessions = new Sessions();
  const prisma = database.prisma();
  @Module({
    imports: [
      IntegrationModule.forRoot({
        client: prisma,
        connectionString: database.url,
        ...engine,
        settings: { ...FAST, ...engine?.settings },
      }),
      IntegrationAdminModule.forRoot({
        path,
        guards: [sessions],
        actor: (request) => operatorOf(request).name,
        permission: (request, action) => operatorOf(request).may(action),
        ...admin,
      }),
      ...imports,
    ],
  })
  class ShopModule implements OnModuleInit {
    constructor(@Inject(EventSubscriberRegistry) private readonly registry: EventSubscriberRegistry) {}

    onModuleInit(): void {
      for (const subscriber of subscribers) this.registry.registerAt('shop', subscriber);
    }
  }
  const made = Test.createTestingModule({ imports: [ShopModule] })
    .overrideProvider(BEAT_INTERVAL_MS)
    .useValue(250);
  if (pageFolder !== undefined) made.overrideProvider(PAGE_FILES).useValue(() => pageFiles(pageFolder));
  const testing = await made.compile();
  const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = testing.createNestApplication(adapter, { logger: false });
  prepare?.(app);
  await app.listen(0, '127.0.0.1');
  return {
    app,
    api: app.get(IntegrationDeveloperApiService),
    sessions,
    url: await app.getUrl(),
    close: () => app.close(),
  };
}

function operatorOf(request: AdminHttpRequest): Operator {
  return request.user as Operator;
}
