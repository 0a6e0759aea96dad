import {
  type CanActivate,
  type DynamicModule,
  type ExecutionContext,
  type INestApplication,
  Injectable,
  Module,
  type ModuleMetadata,
  UnauthorizedException,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ContractsModule } from 'nestjs-integration/contracts';
import { SecretsModule } from 'nestjs-integration/secrets';
import {
  type OutgoingWebhooksOptions,
  type WebhookPortalOptions,
  type WebhookPortalRequest,
  WebhooksModule,
} from 'nestjs-integration/webhooks';
import {
  DomainEventPublisher,
  IntegrationModule,
  type IntegrationModuleOptions,
  OutboxProcessor,
} from '../../src/index.js';
import { TEST_LOGGER } from '../support/log-lines.js';
import type { TestDatabase } from '../support/test-database.js';
import { CONTRACTS, invoice, KEYS } from './outgoing-app.js';
import { type Answered, type Platform, send } from './webhook-app.js';

interface User {
  readonly tenant: unknown;
  readonly name: unknown;
}

/** Whose token is whose. Tests add users to it. */
@Injectable()
export class Tokens {
  readonly users = new Map<string, User>([
    ['ann', { tenant: 'acme', name: 'ann' }],
    ['olga', { tenant: 'other', name: 'olga' }],
  ]);
}

@Module({ providers: [Tokens], exports: [Tokens] })
export class TokensModule {}

/** Lets in whoever has a token. Without one: 401. With that of nobody: 403. */
@Injectable()
export class TokenGuard implements CanActivate {
  constructor(private readonly tokens: Tokens) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; user?: User }>();
    const token = request.headers.authorization?.replace('Bearer ', '');
    if (token === undefined) throw new UnauthorizedException('Log in first');
    const user = this.tokens.users.get(token);
    if (user !== undefined) request.user = user;
    return user !== undefined;
  }
}
Reflect.defineMetadata('design:paramtypes', [Tokens], TokenGuard);

const userOf = (request: WebhookPortalRequest) => request.user as User;

export const PORTAL: WebhookPortalOptions = {
  path: 'hooks',
  guards: [TokenGuard],
  imports: [TokensModule],
  tenant: (request) => userOf(request).tenant as string,
  by: (request) => userOf(request).name as string,
};

export interface PortalSetup {
  readonly platform?: Platform;
  readonly portal?: Partial<WebhookPortalOptions>;
  readonly outgoing?: OutgoingWebhooksOptions;
  /** In the place of the module with the options above. */
  readonly webhooks?: DynamicModule;
  readonly engine?: IntegrationModuleOptions;
  readonly module?: ModuleMetadata;
  readonly prepare?: (app: INestApplication) => void;
}

export interface Asked {
  readonly method?: string;
  readonly json?: object;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PortalApp {
  readonly app: INestApplication;
  readonly url: string;
  /** Asks as somebody: `ann` of acme, `olga` of other, or one whom the test has added. */
  ask(as: string | undefined, path: string, asked?: Asked): Promise<Answered>;
  /** Publishes an event of a tenant, and routes it. Resolves to its position. */
  routed(tenantId: string, payload?: object): Promise<number>;
  close(): Promise<void>;
}

export async function startPortalApp(
  database: TestDatabase,
  { platform = 'express', portal, outgoing, webhooks, engine, module, prepare }: PortalSetup = {},
): Promise<PortalApp> {
  const network = { allow: ['127.0.0.1'], http: true };
  @Module({
    ...module,
    imports: [
      IntegrationModule.forRoot({
        connectionString: database.url,
        role: 'all',
        ...engine,
        settings: { 'processor.enabled': false, ...engine?.settings },
      }),
      ContractsModule.forRoot(),
      ContractsModule.forFeature(CONTRACTS),
      SecretsModule.forRoot({ keys: KEYS }),
      webhooks ??
        WebhooksModule.forRoot({ outgoing: { network, ...outgoing, portal: { ...PORTAL, ...portal } } }),
      ...(module?.imports ?? []),
    ],
  })
  class AppModule {}
  const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = await NestFactory.create(AppModule, adapter, { logger: TEST_LOGGER, abortOnError: false });
  prepare?.(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return {
    app,
    url,
    ask: (as, path, { method = 'GET', json, body, headers = {} } = {}) =>
      send(`${url}/${path}`, {
        method,
        ...(json === undefined && body === undefined ? {} : { body: body ?? JSON.stringify(json) }),
        headers: {
          ...(as === undefined ? {} : { authorization: `Bearer ${as}` }),
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
      }),
    async routed(tenantId, payload = { total: 1 }) {
      const { position } = await app
        .get(DomainEventPublisher, { strict: false })
        .publishEvent(invoice({ payload, metadata: { tenantId } }), { outsideTransaction: true });
      await app.get(OutboxProcessor, { strict: false }).drain();
      return position;
    },
    close: () => app.close(),
  };
}
