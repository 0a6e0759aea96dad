import type { ModuleRef } from '@nestjs/core';

/** What is used of the configuration of an application of Nest 11 and 12. */
interface NestConfiguration {
  getGlobalPrefix(): string;
  getGlobalPrefixOptions(): { readonly exclude?: readonly { readonly pathRegex?: RegExp }[] };
}

/**
 * The global prefix of a route with this path, or nothing if the route is excluded from it. Nest gives its
 * configuration to no provider, but `ModuleRef` has the container that holds it.
 */
export function globalPrefixOf(moduleRef: ModuleRef, path: string): string {
  const { container } = moduleRef as unknown as {
    readonly container?: { readonly applicationConfig?: NestConfiguration };
  };
  const config = container?.applicationConfig;
  const isExcluded = config?.getGlobalPrefixOptions().exclude?.some(({ pathRegex }) => pathRegex?.test(path));
  return isExcluded === true ? '' : (config?.getGlobalPrefix() ?? '');
}
