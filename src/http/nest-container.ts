import 'reflect-metadata';
import type { RequestMethod, Type } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';

/** What is used of the configuration of an application of Nest 11 and 12. */
export interface NestConfiguration {
  getGlobalPrefix(): string;
  getGlobalPrefixOptions(): { readonly exclude?: readonly ExcludedRoute[] };
  getGlobalGuards(): readonly unknown[];
  getGlobalRequestGuards(): readonly unknown[];
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

/**
 * The configuration of the application. Nest gives it to no provider, but `ModuleRef` has the container
 * that holds it.
 */
export function configurationOf(moduleRef: ModuleRef): NestConfiguration | undefined {
  return containerOf(moduleRef)?.applicationConfig;
}

/** The path that `RouterModule` gives to a module in this application. */
export function modulePathOf(moduleRef: ModuleRef, module: Type<unknown>): string {
  const id = containerOf(moduleRef)?.getModules().applicationId ?? '';
  const path: unknown =
    Reflect.getMetadata(MODULE_PATH + id, module) ?? Reflect.getMetadata(MODULE_PATH, module);
  return typeof path === 'string' ? path : '';
}

function containerOf(moduleRef: ModuleRef): NestContainer | undefined {
  return (moduleRef as unknown as { readonly container?: NestContainer }).container;
}
