import type { CanActivate, ModuleMetadata, Type } from '@nestjs/common';
import { isRoutePath, segmentsOf } from '../../http/route-path.js';
import type { HostRequest } from '../../rest/host-request.js';
import { problemsOfUnknownNames } from '../../words/known-names.js';

/** A request of Express or Fastify. A guard of the application may have put a `user` on it. */
export interface WebhookPortalRequest extends HostRequest {}

/** Where the portal is, and who guards it. These options are known before anything is made. */
export interface WebhookPortalMount {
  /** The path of the routes below the global prefix: `webhook-settings`. */
  readonly path: string;
  /** The guards of every route: classes that Nest makes, or instances. There must be one at least. */
  readonly guards: readonly (Type<CanActivate> | CanActivate)[];
  /** Modules that export what the guards inject. */
  readonly imports?: ModuleMetadata['imports'] | undefined;
  /** Decorators of the controller, such as `ApiTags('webhooks')` or `Public()`. */
  readonly decorate?: readonly ClassDecorator[] | undefined;
}

/** As methods, they may name a narrower type of request: `Request` of Express. */
interface PortalFunctions {
  tenant(request: WebhookPortalRequest): string | undefined | Promise<string | undefined>;
  by(
    request: WebhookPortalRequest,
  ): string | number | bigint | undefined | Promise<string | number | bigint | undefined>;
}

/** What decides about a request once it has passed the guards. */
export interface WebhookPortalCalls {
  /**
   * The tenant behind a request, from what the guards have found: 1 to 127 characters. A request is answered
   * 403 if this is anything else, or throws. It must never be what the request itself claims.
   */
  readonly tenant: PortalFunctions['tenant'];
  /**
   * The name of the person behind a request, or a number that stands for the person. The audit has it behind
   * that of the tenant: `tenant:acme/ann`. Without it, the audit has `tenant:acme`.
   */
  readonly by?: PortalFunctions['by'] | undefined;
}

/** A REST API for the destinations of a tenant. */
export interface WebhookPortalOptions extends WebhookPortalMount, WebhookPortalCalls {}

/** The compiler reports an error here if an option is missing. */
const MOUNT_NAMES: { readonly [K in keyof Required<WebhookPortalMount>]: true } = {
  path: true,
  guards: true,
  imports: true,
  decorate: true,
};
const CALL_NAMES: { readonly [K in keyof Required<WebhookPortalCalls>]: true } = { tenant: true, by: true };

/**
 * What is wrong with the options of a portal. `incoming` is the path of incoming webhooks, if there are any.
 */
export function problemsOfPortal(given: WebhookPortalOptions, incoming: string | undefined): string[] {
  if (!isObject(given)) return ['outgoing.portal must be an object, such as { path, guards, tenant }'];
  return [
    ...problemsOfUnknownNames(given, {
      known: [...Object.keys(MOUNT_NAMES), ...Object.keys(CALL_NAMES)],
      prefix: 'outgoing.portal.',
    }),
    ...problemsOfMount(given, 'outgoing.portal', incoming),
    ...problemsOfCalls(given),
  ];
}

/** What is wrong with the place of a portal that `forRootAsync` was given. */
export function problemsOfPortalMount(given: WebhookPortalMount, incoming: string): string[] {
  if (!isObject(given)) return ['portal must be an object, such as { path, guards }'];
  const misplaced = Object.keys(CALL_NAMES).filter((name) => Object.hasOwn(given, name));
  return [
    ...misplaced.map(
      (name) => `portal.${name} is for what makes the options to return, as outgoing.portal.${name}`,
    ),
    ...problemsOfUnknownNames(given, {
      known: [...Object.keys(MOUNT_NAMES), ...Object.keys(CALL_NAMES)],
      prefix: 'portal.',
    }),
    ...problemsOfMount(given, 'portal', incoming),
  ];
}

/** What is wrong with what a factory returned for a portal, of which `mount` is the place. */
export function problemsOfMadePortal(
  made: WebhookPortalCalls | undefined,
  mount: WebhookPortalMount | undefined,
): string[] {
  if (mount === undefined)
    return made === undefined
      ? []
      : ['outgoing.portal needs a place: give forRootAsync portal: { path, guards } as well'];
  if (!isObject(made)) return ['the portal needs outgoing.portal: { tenant } of what makes the options'];
  return problemsOfUnknownNames(made, { known: Object.keys(CALL_NAMES), prefix: 'outgoing.portal.' });
}

function problemsOfMount(
  { path, guards, decorate }: WebhookPortalMount,
  where: string,
  incoming: string | undefined,
): string[] {
  const isPath = isRoutePath(path);
  const isList = Array.isArray(guards) && guards.every(isGuard);
  return [
    ...(isPath ? [] : [`${where}.path must be a path without parameters, such as "webhook-settings"`]),
    ...(isPath && incoming !== undefined && isBelow(path, incoming)
      ? [
          `${where}.path must not lie below the path of incoming webhooks, ${JSON.stringify(incoming)}: whoever asks for one would reach the other`,
        ]
      : []),
    ...(isList && guards.length > 0
      ? []
      : [
          `nobody guards the portal: give ${where}.guards, a list of guards that let in whoever may act for a tenant`,
        ]),
    ...(decorate === undefined || (Array.isArray(decorate) && decorate.every(isFunction))
      ? []
      : [`${where}.decorate must be a list of decorators`]),
  ];
}

function problemsOfCalls({ tenant, by }: WebhookPortalCalls): string[] {
  return [
    ...(isFunction(tenant) ? [] : ['outgoing.portal.tenant must be a function: whose request is it?']),
    ...(by === undefined || isFunction(by) ? [] : ['outgoing.portal.by must be a function']),
  ];
}

function isBelow(path: string, other: string): boolean {
  const [inner, outer] = [segmentsOf(path.toLowerCase()), segmentsOf(other.toLowerCase())];
  return outer.every((segment, place) => inner[place] === segment);
}

function isGuard(value: unknown): boolean {
  return isFunction(value) || isFunction((value as { readonly canActivate?: unknown } | null)?.canActivate);
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
