import type { Type } from '@nestjs/common';
import { type ModuleRef, ModulesContainer } from '@nestjs/core';
import { IntegrationError } from '../errors.js';
import { unknownEngine } from '../subscribers/engine-names.js';
import { DEFAULT_ENGINE } from '../words/engine-name.js';
import { tokenOf } from './engine-tokens.js';
import { Engines, engineModules } from './engines.js';

/** One engine of an application, for a module that stands beside it. */
export interface EngineOfApplication {
  /** Its service of this class, also one that `IntegrationModule` does not export. */
  get<T>(service: Type<T>): T;
  /**
   * Runs what the module does in `onModuleInit`. If that fails, all engines give back what they hold: the
   * boot has failed, and whoever called `NestFactory.createApplicationContext` has nothing to close.
   */
  boot(work: () => void | Promise<void>): Promise<void>;
}

/**
 * Finds an engine of the application, the one without a name if none is given. A module of a part does not
 * import the engine's module, because it does not know whether `forRoot` or `forRootAsync` made it, or when.
 * So it looks the engine up in the whole application, when it first needs a service.
 *
 * @param who the module that asks, for the error
 * @throws IntegrationError from `get`: INTEGRATION_OPTIONS_INVALID if the application has no engine,
 * INTEGRATION_NAME_UNKNOWN if it has none of this name
 */
export function engineOf(
  modules: Pick<ModuleRef, 'get'>,
  who: string,
  name: string = DEFAULT_ENGINE,
): EngineOfApplication {
  return {
    get<T>(service: Type<T>): T {
      try {
        return modules.get<T>(tokenOf(service, name), { strict: false });
      } catch (cause) {
        const names = engineModules(modules.get(ModulesContainer, { strict: false })).map(
          (each) => each.name,
        );
        if (names.includes(name)) throw cause;
        throw names.length === 0 ? withoutEngine(who, cause) : unknownEngine(who, name, names);
      }
    },
    async boot(work) {
      try {
        await work();
      } catch (error) {
        await stopEngines(modules).catch(() => {});
        throw error;
      }
    },
  };
}

/** An application without an engine has nothing to stop. */
async function stopEngines(modules: Pick<ModuleRef, 'get'>): Promise<void> {
  await modules.get(Engines, { strict: false }).stop();
}

function withoutEngine(who: string, cause: unknown): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `${who} needs the integration of the application: import IntegrationModule.forRoot(…) beside it, without a name`,
    {},
    { cause },
  );
}
