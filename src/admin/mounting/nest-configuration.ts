import type { ModuleRef } from '@nestjs/core';

/** What is used of the configuration of an application of Nest 11 and 12. */
export interface NestConfiguration {
  getGlobalGuards(): readonly unknown[];
  getGlobalRequestGuards(): readonly unknown[];
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
