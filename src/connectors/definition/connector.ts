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

/** What is wrong, and where: `{ path: 'region', message: 'must be eu or us' }`. */
export interface Problem {
  readonly path?: string | undefined;
  readonly message: string;
}

/** What a connector can do, of its decorators. */
export const CAPABILITIES = ['actions', 'syncs', 'health', 'validation', 'authorization'] as const;

export type ConnectorCapability = (typeof CAPABILITIES)[number];

/** An action of a connector, with its method. */
export interface FoundAction extends ConnectorActionOptions {
  /** Where the method stands, for messages. */
  readonly place: string;
  readonly run: (input: unknown, context: unknown) => unknown;
}

/** A connector of the application, with its methods. */
export interface FoundConnector extends Readonly<Omit<ConnectorOptions, 'version' | 'direction'>> {
  readonly version: string;
  readonly direction: ConnectorDirection;
  /** Where the class stands, for messages. */
  readonly place: string;
  readonly actions: ReadonlyMap<string, FoundAction>;
  readonly syncs: ReadonlyMap<string, FoundSync>;
  readonly validator: ((config: unknown, secrets: Readonly<Record<string, string>>) => unknown) | undefined;
  readonly health: ((context: unknown) => unknown) | undefined;
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
  /** What the connector asks for when a person agrees: those of `auth` and of its actions. */
  readonly scopes: readonly string[];
}
