import type { IntegrationErrorCode } from '../../errors.js';
import { ADMIN_ACTIONS, type AdminAction } from '../options/admin-action.js';
import type { Handlers, Route } from './route.js';

/** What a part adds to the admin API. */
export interface AdminAddition {
  /** Nest makes the classes in the module of the admin API. The part's module exports what they inject. */
  readonly sections: readonly Handlers[];
  /** The codes of its errors whose message may leave the process, with the status of the answer. */
  readonly statuses?: { readonly [Code in IntegrationErrorCode]?: number } | undefined;
}

declare module '../../module/extension.js' {
  interface IntegrationExtension {
    /** Its sections of the admin API. Only an application with `IntegrationAdminModule` asks for them. */
    readonly admin?: (() => Promise<AdminAddition>) | undefined;
  }
}

/** Routes, and who brings them. */
export interface RoutesOfPart {
  /** Undefined for those of the engine. */
  readonly part: string | undefined;
  readonly routes: readonly Route[];
}

/** The sections of the admin API of this application: the engine's, and those of the parts that it has. */
export class AdminSections {
  private groups: readonly RoutesOfPart[];
  private statuses: AdminAddition['statuses'] = {};

  constructor(own: readonly Handlers[]) {
    this.groups = [{ part: undefined, routes: routesOf(own) }];
  }

  get routes(): readonly Route[] {
    return this.groups.flatMap(({ routes }) => routes);
  }

  /** The routes by who brings them, those of the engine first. */
  get byPart(): readonly RoutesOfPart[] {
    return this.groups;
  }

  /** The names of the parts that have added sections. */
  get parts(): readonly string[] {
    return this.groups.flatMap(({ part }) => part ?? []);
  }

  /** Every action that a route has, those of the engine first. */
  get actions(): readonly AdminAction[] {
    return [...new Set([...ADMIN_ACTIONS, ...this.routes.map(({ action }) => action)])];
  }

  /** The status of the answer for a code of a part. */
  statusOf(code: IntegrationErrorCode): number | undefined {
    return this.statuses?.[code];
  }

  add(part: string, { sections, statuses }: AdminAddition): void {
    this.groups = [...this.groups, { part, routes: routesOf(sections) }];
    this.statuses = { ...this.statuses, ...statuses };
  }
}

function routesOf(sections: readonly Handlers[]): Route[] {
  return sections.flatMap(({ routes }) => Object.values(routes));
}
