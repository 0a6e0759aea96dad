import 'reflect-metadata';
import type { EventSchema } from '../../contracts/schemas/event-schema.js';
import type { ConnectorActionOptions, ConnectorOptions, ConnectorWebhookOptions } from './connector.js';
import type { ConnectorSyncOptions } from './sync.js';

const CONNECTOR = Symbol.for('nestjs-integration:connector:1');
const ACTION = Symbol.for('nestjs-integration:connector-action:1');
const SYNC = Symbol.for('nestjs-integration:connector-sync:1');
const WEBHOOK = Symbol.for('nestjs-integration:connector-webhook:1');
const VALIDATOR = Symbol.for('nestjs-integration:connector-validator:1');
const HEALTH = Symbol.for('nestjs-integration:connector-health:1');

/**
 * Makes a provider's class a connector to somebody else's API. Connections of tenants refer to it by its key.
 *
 * ```ts
 * @Connector({
 *   key: 'github',
 *   name: 'GitHub',
 *   category: 'vcs',
 *   auth: bearer({ secret: 'token' }),
 *   secrets: z.object({ token: z.string() }),
 *   config: z.object({ repo: z.string() }),
 *   http: { baseUrl: 'https://api.github.com' },
 * })
 * class GitHubConnector { … }
 * ```
 */
export function Connector<C extends EventSchema, S extends EventSchema>(
  options: ConnectorOptions<C, S>,
): ClassDecorator {
  return (target) => Reflect.defineMetadata(CONNECTOR, options, target);
}

/** A method `(input, context)` that `ConnectorsService.run` calls. Input and output are checked. */
export function ConnectorAction(options: ConnectorActionOptions): MethodDecorator {
  return onMethod(ACTION, options);
}

/**
 * A method `(event, context)` that gets what the other system delivers: a `ConnectorWebhookEvent`, and the
 * context of the connection whose endpoint it came to. It is an ordinary consumer of the log, with retries
 * and dead letters.
 */
export function ConnectorWebhook<Context = never>(
  options: ConnectorWebhookOptions<Context>,
): MethodDecorator {
  return onMethod(WEBHOOK, options ?? null);
}

/**
 * A method `(config, secrets)` that says what is wrong with a connection beyond what its schemas see. It
 * returns `Problem[]`.
 */
export function ConnectorValidator(): MethodDecorator {
  return onMethod(VALIDATOR, true);
}

/**
 * A method `(context)` that asks the other system whether a connection works. It throws if it does not, or
 * returns what it has found.
 */
export function ConnectorHealthCheck(): MethodDecorator {
  return onMethod(HEALTH, true);
}

/**
 * An asynchronous generator `(context)` that yields pages of the other system's records. The engine keeps
 * them in step with what is stored, and publishes an event for each change.
 *
 * ```ts
 * @ConnectorSync({
 *   key: 'issues',
 *   model: Issue,
 *   mode: 'incremental',
 *   deletions: 'none',
 *   schedule: { every: '15m' },
 * })
 * async *issues(context: SyncContext) { … }
 * ```
 */
export function ConnectorSync<C extends EventSchema>(options: ConnectorSyncOptions<C>): MethodDecorator {
  return onMethod(SYNC, options);
}

/** What `@Connector` says about a class. */
export function connectorOf(type: unknown): ConnectorOptions | undefined {
  return typeof type === 'function'
    ? (Reflect.getOwnMetadata(CONNECTOR, type) as ConnectorOptions | undefined)
    : undefined;
}

/** A method of a connector, and what its decorators say. */
export interface DecoratedMethod {
  readonly name: string | symbol;
  readonly action: ConnectorActionOptions | undefined;
  readonly sync: ConnectorSyncOptions | undefined;
  readonly webhook: ConnectorWebhookOptions | undefined;
  readonly isValidator: boolean;
  readonly isHealth: boolean;
}

/**
 * The decorated methods of a class and of those it extends. Of overridden ones, the overriding one counts.
 */
export function decoratedMethodsOf(prototype: object): DecoratedMethod[] {
  const found: DecoratedMethod[] = [];
  const seen = new Set<string | symbol>();
  for (
    let owner: object | null = prototype;
    owner !== null && owner !== Object.prototype;
    owner = Object.getPrototypeOf(owner)
  ) {
    for (const name of Reflect.ownKeys(owner)) {
      const method: unknown = Object.getOwnPropertyDescriptor(owner, name)?.value;
      if (seen.has(name) || typeof method !== 'function' || name === 'constructor') continue;
      seen.add(name);
      const action = Reflect.getOwnMetadata(ACTION, method) as ConnectorActionOptions | undefined;
      const sync = Reflect.getOwnMetadata(SYNC, method) as ConnectorSyncOptions | undefined;
      const webhook = Reflect.getOwnMetadata(WEBHOOK, method) as ConnectorWebhookOptions | undefined;
      const isValidator = Reflect.hasOwnMetadata(VALIDATOR, method);
      const isHealth = Reflect.hasOwnMetadata(HEALTH, method);
      if (action !== undefined || sync !== undefined || webhook !== undefined || isValidator || isHealth)
        found.push({ name, action, sync, webhook, isValidator, isHealth });
    }
  }
  return found;
}

function onMethod(key: symbol, value: unknown): MethodDecorator {
  return (_target, _name, descriptor) => {
    const method: unknown = descriptor?.value;
    if (typeof method === 'function') Reflect.defineMetadata(key, value, method);
  };
}
