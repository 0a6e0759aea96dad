import type { ModuleMetadata } from '@nestjs/common';
import { IntegrationError } from '../../errors.js';
import type { DomainEvent } from '../../events/domain-event.js';
import { type NetworkRules, problemsOfNetworkRules } from '../../http/network-rules.js';
import { isRoutePath } from '../../http/route-path.js';
import { MADE_OPTION_NAMES, type MadeOptions, problemsOfAsyncOptions } from '../../module/made-options.js';
import { problemsOfUnknownNames } from '../../words/known-names.js';
import type { WebhookSource } from '../incoming/definitions/webhook-source.js';
import {
  problemsOfMadePortal,
  problemsOfPortal,
  problemsOfPortalMount,
  type WebhookPortalCalls,
  type WebhookPortalMount,
  type WebhookPortalOptions,
} from './portal-options.js';

/** What is sent to destinations of tenants. `{}` will do. */
export interface OutgoingWebhooksOptions {
  /**
   * Whose destinations get the event: a tenant of at most 127 characters, or '' for an application without
   * tenants. The default is `metadata.tenantId`, or ''. What it throws counts as a failed attempt of the
   * event.
   */
  readonly tenantOf?: ((event: DomainEvent) => string) | undefined;
  /** Where requests may go. The default is https, to addresses that can be reached from everywhere. */
  readonly network?: NetworkRules | undefined;
  /** A REST API with which tenants look after their destinations. Without it there is none. */
  readonly portal?: WebhookPortalOptions | undefined;
  /**
   * The `source` of what goes to destinations with the format `cloudevents`: who sends. A URI, such as
   * `https://example.com/orders`, or a part of one, such as `/orders`. Default: `urn:nestjs-integration`.
   */
  readonly cloudEventsSource?: string | undefined;
}

export interface WebhooksModuleOptions {
  /** The path of the routes, without the global prefix. Default: `webhooks`. */
  readonly path?: string | undefined;
  /**
   * The URL under which senders reach the application, such as `https://example.com`. Sources need it whose
   * senders sign the URL. If a proxy strips a prefix from paths, it stands here too.
   */
  readonly publicUrl?: string | undefined;
  readonly incoming?: {
    readonly sources: readonly WebhookSource[];
    /** Decorators of the routes, such as one that lets them past the application's guards. */
    readonly decorate?: readonly MethodDecorator[] | undefined;
  };
  /** Sends events with public contracts to destinations. Without it, nothing is sent. */
  readonly outgoing?: OutgoingWebhooksOptions | undefined;
}

/** What a factory of `WebhooksModule.forRootAsync` returns. */
export interface WebhooksMadeOptions {
  /** As for `forRoot`. */
  readonly publicUrl?: string | undefined;
  readonly incoming?: { readonly sources: readonly WebhookSource[] } | undefined;
  /** As for `forRoot`. Of the portal, what decides about requests. */
  readonly outgoing?:
    | (Omit<OutgoingWebhooksOptions, 'portal'> & { readonly portal?: WebhookPortalCalls | undefined })
    | undefined;
}

/**
 * Options of `WebhooksModule.forRootAsync`: one of `useFactory`, `useClass` and `useExisting`. Routes exist
 * before factories run, so their path and their decorators are given here.
 */
export interface WebhooksModuleAsyncOptions extends MadeOptions<WebhooksMadeOptions> {
  /** As for `forRoot`. */
  path?: string | undefined;
  /** As `incoming.decorate` for `forRoot`. */
  decorate?: readonly MethodDecorator[] | undefined;
  /** The place of the portal. What makes the options returns `outgoing.portal` as well. */
  portal?: WebhookPortalMount | undefined;
  /** Modules that export what is injected. */
  imports?: ModuleMetadata['imports'] | undefined;
}

export const WEBHOOKS_OPTIONS = Symbol('nestjs-integration:webhooks-options');

export const DEFAULT_PATH = 'webhooks';

/** The compiler reports an error here if an option is missing. */
const OWN_ASYNC_OPTIONS: {
  readonly [K in keyof Required<Omit<WebhooksModuleAsyncOptions, keyof MadeOptions<unknown>>>]: true;
} = { path: true, decorate: true, portal: true, imports: true };
const MADE_NAMES: { readonly [K in keyof Required<WebhooksMadeOptions>]: true } = {
  publicUrl: true,
  incoming: true,
  outgoing: true,
};
/** The compiler reports an error here if an option is missing. */
const OUTGOING_NAMES: { readonly [K in keyof Required<OutgoingWebhooksOptions>]: true } = {
  tenantOf: true,
  network: true,
  portal: true,
  cloudEventsSource: true,
};

/** @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`) */
export function checkWebhooksAsyncOptions(given: WebhooksModuleAsyncOptions): void {
  refuse([
    ...problemsOfAsyncOptions(given, {
      method: 'WebhooksModule.forRootAsync',
      kind: 'an option of WebhooksModule.forRootAsync',
      own: [...Object.keys(OWN_ASYNC_OPTIONS), ...MADE_OPTION_NAMES],
      made: Object.keys(MADE_NAMES),
    }),
    ...problemsOfPath(given.path),
    ...(given.portal === undefined ? [] : problemsOfPortalMount(given.portal, given.path ?? DEFAULT_PATH)),
  ]);
}

/**
 * The options as `forRoot` would get them.
 *
 * @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`)
 */
export function resolveMadeOptions(
  made: WebhooksMadeOptions,
  { path, decorate, portal }: WebhooksModuleAsyncOptions,
): WebhooksModuleOptions {
  const given: unknown = made;
  const isGiven = typeof given === 'object' && given !== null;
  const isIncoming = isGiven && Array.isArray(made.incoming?.sources);
  if (!isGiven || (!isIncoming && (made.incoming !== undefined || made.outgoing === undefined)))
    refuse(['what makes the options must return { incoming: { sources: […] } }, { outgoing: {} }, or both']);
  refuse(
    problemsOfUnknownNames(made, {
      known: Object.keys(MADE_NAMES),
      kind: 'an option that may be returned to WebhooksModule.forRootAsync',
    }),
  );
  const { outgoing } = made;
  refuse(problemsOfMadePortal(outgoing?.portal, portal));
  const options = {
    ...made,
    outgoing: outgoing && { ...outgoing, portal: portal && { ...portal, ...outgoing.portal } },
    path,
    incoming: { sources: [], ...made.incoming, decorate },
  } as WebhooksModuleOptions;
  checkWebhooksOptions(options);
  return options;
}

/** @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`) */
export function checkWebhooksOptions(given: WebhooksModuleOptions): void {
  const { path, publicUrl, incoming, outgoing } = given;
  const sources = incoming?.sources ?? [];
  const keys = sources.map((source) => source?.key);
  refuse([
    ...problemsOfUnknownNames(given, {
      known: ['path', 'publicUrl', 'incoming', 'outgoing'],
      kind: 'an option of WebhooksModule.forRoot',
    }),
    ...(incoming === undefined
      ? []
      : problemsOfUnknownNames(incoming, { known: ['sources', 'decorate'], kind: 'an option of incoming' })),
    ...(outgoing === undefined ? [] : problemsOfOutgoing(outgoing)),
    ...(outgoing?.portal === undefined
      ? []
      : problemsOfPortal(outgoing.portal, incoming === undefined ? undefined : (path ?? DEFAULT_PATH))),
    ...problemsOfPath(path),
    ...(publicUrl === undefined || isHttpUrl(publicUrl)
      ? []
      : ['publicUrl must be a URL that begins with https:// or http://, without a query']),
    ...keys
      .filter((key, place) => keys.indexOf(key) < place)
      .map((key) => `there are two sources of the name ${JSON.stringify(key)}`),
    ...(publicUrl === undefined
      ? sources
          .filter((source) => source?.verify.some(({ signsUrl }) => signsUrl === true))
          .map(({ key }) => `the source ${JSON.stringify(key)} signs the URL that it calls: give publicUrl`)
      : []),
  ]);
}

function problemsOfOutgoing(outgoing: OutgoingWebhooksOptions): string[] {
  const given: unknown = outgoing;
  if (typeof given !== 'object' || given === null) return ['outgoing must be an object, such as {}'];
  const { tenantOf, network, cloudEventsSource } = outgoing;
  return [
    ...problemsOfUnknownNames(outgoing, {
      known: Object.keys(OUTGOING_NAMES),
      kind: 'an option of outgoing',
    }),
    ...(tenantOf === undefined || typeof tenantOf === 'function'
      ? []
      : ['outgoing.tenantOf must be a function']),
    ...(network === undefined ? [] : problemsOfNetworkRules(network, 'outgoing.network.')),
    ...(cloudEventsSource === undefined || isUriReference(cloudEventsSource)
      ? []
      : ['outgoing.cloudEventsSource must be a URI or a part of one, such as "https://example.com/orders"']),
  ];
}

/**
 * https://www.rfc-editor.org/rfc/rfc3986#section-4.1, and not empty, as CloudEvents asks of a source:
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#source-1
 */
function isUriReference(value: unknown): boolean {
  const isOfItsCharacters =
    typeof value === 'string' && /^([\w\-.~:/?#[\]@!$&'()*+,;=]|%[0-9a-f]{2})+$/i.test(value);
  return isOfItsCharacters && URL.canParse(value, 'https://example.com');
}

function problemsOfPath(path: unknown = DEFAULT_PATH): string[] {
  return isRoutePath(path) ? [] : ['path must be a path without parameters, such as "webhooks"'];
}

function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `WebhooksModule cannot be made: ${problems.join('; ')}`,
    { problems },
  );
}

function isHttpUrl(value: unknown): boolean {
  return typeof value === 'string' && /^https?:\/\/[^?#]+$/.test(value) && URL.canParse(value);
}
