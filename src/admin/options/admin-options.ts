import type { CanActivate, ModuleMetadata, Type } from '@nestjs/common';
import type { MadeOptions, OptionsMaker } from '../../module/made-options.js';
import type { HostRequest } from '../../rest/host-request.js';
import type { AdminAction, AdminTarget } from './admin-action.js';

/** A request of Express or Fastify. A guard of the application may have put a `user` on it. */
export interface AdminHttpRequest extends HostRequest {}

/** The event that a payload belongs to, as `mask` gets it. */
export interface MaskedEvent {
  readonly outboxEventId: string;
  readonly position: number;
  readonly eventName: string;
  readonly eventVersion: number;
  readonly sourceModule: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
}

/** Decorators that the application's guards look for, such as `Public()` or `Roles('ops')`. */
export interface AdminDecorators {
  /** For the routes of the page. They hold no data. */
  readonly page?: readonly MethodDecorator[] | undefined;
  /** For the routes that only read. */
  readonly read?: readonly MethodDecorator[] | undefined;
  /** For the routes that change something. */
  readonly write?: readonly MethodDecorator[] | undefined;
}

/** The guards of the admin API: a class that Nest makes, or an instance. */
export type AdminGuard = Type<CanActivate> | CanActivate;

/**
 * The functions of `AdminCallOptions`. As methods, they may name a narrower type of request: `Request` of
 * Express.
 */
interface AdminCallFunctions {
  permission(request: AdminHttpRequest, action: AdminAction, target: AdminTarget): boolean | Promise<boolean>;
  actor(
    request: AdminHttpRequest,
  ): string | number | bigint | undefined | Promise<string | number | bigint | undefined>;
  mask(payload: unknown, event: MaskedEvent, request: AdminHttpRequest): unknown;
}

/**
 * Templates of links: `{ trace: 'https://traces.example.com/trace/{traceId}' }`. Each name in braces is
 * replaced by its value, percent-encoded. Where an event lacks a value, it has no link.
 */
export interface AdminLinks {
  /** The trace of an event, by `{traceId}`, `{correlationId}` or `{eventId}`. */
  readonly trace?: string | undefined;
  /** The lines of the log about an event, by the same names. */
  readonly log?: string | undefined;
  /** A process, by `{host}` and `{pid}`. */
  readonly host?: string | undefined;
}

/** What decides about a request once it has passed the guards. */
export interface AdminCallOptions {
  /**
   * Whether the person behind a request may do this. Only `true` is a yes. It is asked before the request's
   * body is looked at. Without it, everybody whom the guards let through may do everything.
   */
  readonly permission?: AdminCallFunctions['permission'] | undefined;
  /**
   * The name of the person behind a request, 1 to 255 characters, or a number that stands for the person. The
   * default is `unknown`.
   */
  readonly actor?: AdminCallFunctions['actor'] | undefined;
  /**
   * Returns what may be seen of a payload, or a promise of it. It gets a copy, which it may change and
   * return. A number with more digits than JavaScript can hold is an `ExactNumber` in it.
   */
  readonly mask?: AdminCallFunctions['mask'] | undefined;
  /**
   * Origins besides the API's own whose pages may use it: `['https://ops.example.com']`. Give the public
   * origin where a proxy changes the header `Host`.
   */
  readonly origins?: readonly string[] | undefined;
  /**
   * The names by which the API may be called: `['ops.internal']`. Requests whose header `Host` has another
   * name are refused. The hosts of `origins`, `localhost` and IP addresses are allowed as well. Without it,
   * any name will do, except with `access: 'open'`, where the page of another site could reach the API by a
   * name of its own that leads here (DNS rebinding).
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Links of the dashboard to other tools. Without a template there is no such link. */
  readonly links?: AdminLinks | undefined;
}

/** The name of a person of whom nothing is known. */
export const UNKNOWN_ACTOR = 'unknown';

/** Where the admin API is, and who guards it. These options are known before anything is made. */
export interface AdminMountOptions {
  /** The path below the global prefix: `ops/integration`. `''` is the prefix itself. */
  readonly path: string;
  /** Modules that export what the guards and the factory inject. */
  readonly imports?: ModuleMetadata['imports'] | undefined;
  /** The guards of every route. */
  readonly guards?: readonly AdminGuard[] | undefined;
  /**
   * Says who guards the API if `guards` does not. `global-guards`: global guards of the application do, and
   * the boot fails if there is none. `open`: everybody who reaches the path may use it.
   */
  readonly access?: 'global-guards' | 'open' | undefined;
  readonly decorate?: AdminDecorators | undefined;
}

export interface IntegrationAdminOptions extends AdminMountOptions, AdminCallOptions {}

export interface AdminCallOptionsFactory extends OptionsMaker<AdminCallOptions> {}

/** Like `IntegrationAdminOptions`, but a factory or a class returns what decides about requests. */
export interface IntegrationAdminAsyncOptions extends AdminMountOptions, MadeOptions<AdminCallOptions> {}

/** The token of `AdminCallOptions`. */
export const ADMIN_CALL_OPTIONS = Symbol('nestjs-integration:admin-call-options');
/** The token of `AdminMountOptions`. */
export const ADMIN_MOUNT_OPTIONS = Symbol('nestjs-integration:admin-mount-options');
