import { Inject, type Type } from '@nestjs/common';
import { ModuleRef, type ModulesContainer } from '@nestjs/core';
import type { ConfigurationReader } from './settings-resolution.js';

/**
 * The host's ConfigService, from whichever module has it. Undefined if `@nestjs/config` is not installed or
 * not used. The package is looked for at run time only, because it is an optional peer.
 */
export async function findNestConfig(modules: ModulesContainer): Promise<ConfigurationReader | undefined> {
  const ConfigService = await loadConfigService();
  if (ConfigService === undefined) return undefined;
  for (const module of modules.values()) {
    if (!module.providers.has(ConfigService)) continue;
    const moduleRef: unknown = module.providers.get(ModuleRef)?.instance;
    if (moduleRef instanceof ModuleRef) return waitForConfig(moduleRef, ConfigService);
  }
  return undefined;
}

async function loadConfigService(): Promise<Type<ConfigurationReader> | undefined> {
  try {
    const { ConfigService } = await import('@nestjs/config');
    return ConfigService;
  } catch {
    return undefined;
  }
}

/**
 * Nest creates the providers of modules concurrently. When the service is asked for as a dependency, Nest
 * completes it before it hands it over.
 */
async function waitForConfig(
  moduleRef: ModuleRef,
  ConfigService: Type<ConfigurationReader>,
): Promise<ConfigurationReader> {
  class Probe {
    constructor(readonly config: ConfigurationReader) {}
  }
  Inject(ConfigService)(Probe, undefined, 0);
  return (await moduleRef.create(Probe)).config;
}
