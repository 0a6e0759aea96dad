import type { ModuleRef } from '@nestjs/core';
import { segmentsOf } from '../../module/route-path.js';

/** What is used of the configuration of an application of Nest 11 and 12. */
export interface NestConfiguration {
  getGlobalGuards(): readonly unknown[];
  getGlobalRequestGuards(): readonly unknown[];
  getGlobalPrefix(): string;
}

/**
 * The configuration of the application. Nest gives it to no provider, but `ModuleRef` has the container
 * that holds it.
 */
export function configurationOf(moduleRef: ModuleRef): NestConfiguration | undefined {
  const { container } = moduleRef as unknown as {
    readonly container?: { readonly applicationConfig?: NestConfiguration };
  };
  return container?.applicationConfig;
}

/** The segments of a path of the application, with its global prefix. */
export function segmentsWithPrefix(moduleRef: ModuleRef, path: string): string[] {
  const prefix = configurationOf(moduleRef)?.getGlobalPrefix() ?? '';
  return [...segmentsOf(prefix), ...segmentsOf(path)];
}
