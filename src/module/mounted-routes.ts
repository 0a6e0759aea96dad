import 'reflect-metadata';
import { RequestMethod, type Type } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { segmentsOf } from './route-path.js';

/** What is used of the configuration of an application of Nest 11 and 12. */
interface NestConfiguration {
  getGlobalPrefix(): string;
  getGlobalPrefixOptions(): { readonly exclude?: readonly ExcludedRoute[] };
}

interface ExcludedRoute {
  readonly pathRegex?: RegExp;
  readonly requestMethod?: RequestMethod;
}

/** What is used of the container of an application. */
interface NestContainer {
  readonly applicationConfig?: NestConfiguration;
  getModules(): { readonly applicationId?: string };
}

/** `RouterModule` writes the path of a module under this key on the class of the module. */
const MODULE_PATH = '__module_path__';
/** What stands for all methods in the list of what is excluded. */
const ALL_METHODS: readonly unknown[] = [RequestMethod.ALL, -1];

/**
 * Where the routes of a module are in the application: behind the global prefix, unless they are excluded
 * from it, and behind the path that `RouterModule` gives to the module. Nest gives its configuration to no
 * provider, but `ModuleRef` has the container that holds it. Prefix and paths are set after the container is
 * made, so they are asked for when they are needed.
 */
export class MountedRoutes {
  constructor(
    private readonly moduleRef: ModuleRef,
    private readonly type: Type<unknown>,
  ) {}

  /** The segments of the route that has this path below that of the module. */
  segmentsOf(path: string, method: RequestMethod): string[] {
    const own = [...segmentsOf(this.modulePath()), ...segmentsOf(path)];
    return [...segmentsOf(this.prefixOf(`/${own.join('/')}`, method)), ...own];
  }

  private prefixOf(path: string, method: RequestMethod): string {
    const config = this.container?.applicationConfig;
    const isExcluded = config
      ?.getGlobalPrefixOptions()
      .exclude?.some(
        ({ pathRegex, requestMethod }) =>
          (requestMethod === method || ALL_METHODS.includes(requestMethod)) && pathRegex?.test(path) === true,
      );
    return isExcluded === true ? '' : (config?.getGlobalPrefix() ?? '');
  }

  private modulePath(): string {
    const id = this.container?.getModules().applicationId ?? '';
    const path: unknown =
      Reflect.getMetadata(MODULE_PATH + id, this.type) ?? Reflect.getMetadata(MODULE_PATH, this.type);
    return typeof path === 'string' ? path : '';
  }

  private get container(): NestContainer | undefined {
    return (this.moduleRef as unknown as { readonly container?: NestContainer }).container;
  }
}

/** Whether a segment of a route stands for more than itself, such as `:tenant`. */
export function isParameter(segment: string): boolean {
  return /[:*{}()?]/u.test(segment);
}
