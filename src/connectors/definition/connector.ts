import type { EventSchema, InferOutput } from '../../contracts/schemas/event-schema.js';
import type { HttpLimit } from '../http/http-identity.js';
import type { ConnectorAuth } from './connector-auth.js';
import type { FoundSync } from './sync.js';

export const DIRECTIONS = ['in', 'out', 'both'] as const;

/** Whether data comes from the other system, goes there, or both. */
export type ConnectorDirection = (typeof DIRECTIONS)[number];

/** A variable of the application that a connector needs. */
export interface ConnectorVariable {
  name: string;
  /** What it is for. */
  purpose: string;
  /** Where somebody gets it. */
  where: string;
}

export interface ConnectorBranding {
  /** `https:` */
  logoUrl?: string | undefined;
  /** `#rrggbb` */
  color?: string | undefined;
  /** The name of an icon of the application. */
  icon?: string | undefined;
}

/** Where the requests of a connector go. */
export interface ConnectorHttpOptions<Config = never> {
  /** `https://api.example`, or a function of the config of the connection. */
  baseUrl: string | ((config: Config) => string);
  /** Where credentials may go besides the origin of `baseUrl`, as origins: `https://files.example`. */
  origins?: readonly string[] | undefined;
  /** What the provider allows. All of them hold at once. */
  limits?: readonly HttpLimit[] | undefined;
}

export interface ConnectorOptions<C extends EventSchema = EventSchema, S extends EventSchema = EventSchema> {
  /** It never changes. Small letters, digits and `-`, at most 63 characters. */
  key: string;
  name: string;
  /** Default: 1.0.0. */
  version?: string | undefined;
  /** Such as `hr`, `crm`: small letters, digits and `-`. */
  category: string;
  /** Default: both. */
  direction?: ConnectorDirection | undefined;
  tags?: readonly string[] | undefined;
  branding?: ConnectorBranding | undefined;
  description?: string | undefined;
  auth: ConnectorAuth;
  /** What each connection says of itself. Its values are stored, and shown to admins. */
  config?: C | undefined;
  /** What each connection keeps sealed: an object of texts. */
  secrets?: S | undefined;
  env?: readonly ConnectorVariable[] | undefined;
  http: ConnectorHttpOptions<InferOutput<C>>;
}

export interface ConnectorActionOptions {
  /** `employees.list`: small letters, digits, `.`, `_` and `-`, at most 100 characters. */
  name: string;
  input: EventSchema;
  output?: EventSchema | undefined;
  /** What the token must be allowed to do. */
  scopes?: readonly string[] | undefined;
  /** Whether it may be called twice. Default: false. */
  idempotent?: boolean | undefined;
  /** How long it may take, in milliseconds. Default: 30,000. */
  timeoutMs?: number | undefined;
  description?: string | undefined;
}

/** A source of incoming webhooks: what `webhookSource(…)` and the ready sources return. */
export interface ConnectorWebhookSource {
  readonly key: string;
  /** It has to be `endpoint`: each connection has an endpoint with a secret of its own. */
  readonly secrets: readonly string[] | 'endpoint';
  readonly verify: readonly object[];
}

/** One type of webhooks, as people see it. */
export interface ConnectorWebhookType {
  label?: string | undefined;
}

/** What the other system is asked for. */
export interface WebhookSubscription {
  /** Where it shall deliver. */
  readonly url: string;
  /** With what it shall sign. Keep it out of logs. */
  readonly secret: string;
  /** The keys of the option `types`. */
  readonly types: readonly string[];
  /** The id of the endpoint. It stays the same for all requests, so it tells a repeated one. */
  readonly endpointId: string;
  /** What `subscribe` has returned last, as JSON gives it back. Undefined if it has never returned. */
  readonly subscription: unknown;
  /**
   * Whether somebody has asked before and nobody knows what came of it. Look at the other system then whether
   * there is a subscription with this `url`, before you make another one.
   */
  readonly isRepeated: boolean;
}

/** What is to end at the other system. */
export type EndedWebhookSubscription = Omit<WebhookSubscription, 'secret'>;

export interface ConnectorWebhookOptions<Context = never> {
  /** With `secrets: 'endpoint'`. Each webhook of the application has a source with a key of its own. */
  source: ConnectorWebhookSource;
  /**
   * The types that the method gets: `{ issues: { label: 'Issues' } }`. `issues` stands for `issues` and for
   * everything that begins with `issues.`.
   */
  types: Readonly<Record<string, ConnectorWebhookType>>;
  /**
   * Asks the other system to deliver. It is called again until it succeeds, so it may come to a subscription
   * that is there already. What it returns is kept as JSON, and shown to `unsubscribe`. It must not be a
   * secret.
   */
  subscribe?(context: Context, given: WebhookSubscription): unknown;
  /** Ends what `subscribe` has begun. It succeeds also if there is nothing to end. */
  unsubscribe?(context: Context, given: EndedWebhookSubscription): unknown;
}

/** What is wrong, and where: `{ path: 'region', message: 'must be eu or us' }`. */
export interface Problem {
  readonly path?: string | undefined;
  readonly message: string;
}

/** What a connector can do, of its decorators. */
export const CAPABILITIES = [
  'actions',
  'syncs',
  'webhooks',
  'health',
  'validation',
  'authorization',
] as const;

export type ConnectorCapability = (typeof CAPABILITIES)[number];

/** An action of a connector, with its method. */
export interface FoundAction extends ConnectorActionOptions {
  /** Where the method stands, for messages. */
  readonly place: string;
  readonly run: (input: unknown, context: unknown) => unknown;
}

/** A webhook of a connector, with its methods. */
export interface FoundWebhook {
  readonly source: ConnectorWebhookSource;
  readonly types: Readonly<Record<string, ConnectorWebhookType>>;
  /** Where the method stands, for messages. */
  readonly place: string;
  readonly handle: (event: unknown, context: unknown) => unknown;
  readonly subscribe: ((context: unknown, given: WebhookSubscription) => unknown) | undefined;
  readonly unsubscribe: ((context: unknown, given: EndedWebhookSubscription) => unknown) | undefined;
}

/** A connector of the application, with its methods. */
export interface FoundConnector extends Readonly<Omit<ConnectorOptions, 'version' | 'direction'>> {
  readonly version: string;
  readonly direction: ConnectorDirection;
  /** Where the class stands, for messages. */
  readonly place: string;
  readonly actions: ReadonlyMap<string, FoundAction>;
  readonly syncs: ReadonlyMap<string, FoundSync>;
  readonly webhooks: readonly FoundWebhook[];
  readonly validator: ((config: unknown, secrets: Readonly<Record<string, string>>) => unknown) | undefined;
  readonly health: ((context: unknown) => unknown) | undefined;
}

/** A webhook of a connector, as people see it. */
export interface ConnectorWebhookView {
  /** The key of its source. */
  readonly source: string;
  readonly types: Readonly<Record<string, ConnectorWebhookType>>;
  /** Whether the connector asks the other system to deliver. Else a person does. */
  readonly subscribes: boolean;
}

/** A connector, as people see it. */
export interface ConnectorView {
  readonly key: string;
  readonly name: string;
  readonly version: string;
  readonly category: string;
  readonly direction: ConnectorDirection;
  readonly tags: readonly string[];
  readonly branding: ConnectorBranding;
  readonly description: string | null;
  readonly auth: ConnectorAuth['mode'];
  readonly capabilities: readonly ConnectorCapability[];
  readonly actions: readonly string[];
  readonly syncs: readonly string[];
  readonly webhooks: readonly ConnectorWebhookView[];
  /** What the connector asks for when a person agrees: those of `auth` and of its actions. */
  readonly scopes: readonly string[];
}
