import { type InjectionToken, type Provider, Scope, type Type } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { missingClient } from '../database/clients/client-missing.js';
import { scopedClientOf } from '../database/clients/client-scope.js';
import { HostClient } from '../database/clients/host-client.js';
import type { TransactionalSqlClient } from '../database/clients/sql-client.js';
import { EngineDatabase } from '../database/engine-database.js';
import { RESOLVED_OPTIONS, type ResolvedOptions } from './integration.options.js';

/**
 * Provides the host's client, which is given by token or by value. Without one it provides the engine's own
 * connections.
 */
export function hostClientProvider(clientToken: InjectionToken | undefined, engine: Type): Provider {
  if (clientToken !== undefined) {
    return {
      provide: HostClient,
      inject: [{ token: clientToken, optional: true }, ModulesContainer, ModuleRef],
      useFactory: (
        client: TransactionalSqlClient | null | undefined,
        all: ModulesContainer,
        modules: ModuleRef,
      ) => {
        if (client !== null && client !== undefined) return new HostClient(client);
        // Some versions of Nest raise the same error for a missing provider and for one that could not be
        // created. The boot fails by itself in the second case.
        const missing = missingClient(all, engine, clientToken);
        if (missing !== undefined) throw missing;
        return new HostClient(() => findClient(modules, clientToken, engine));
      },
    };
  }
  return {
    provide: HostClient,
    inject: [RESOLVED_OPTIONS, EngineDatabase, ModuleRef],
    useFactory: ({ client, clientToken: token }: ResolvedOptions, db: EngineDatabase, modules: ModuleRef) => {
      // A token that only the options' factory knows cannot be declared as a dependency, so its client may be
      // created later.
      if (token !== undefined) return new HostClient(() => findClient(modules, token, engine));
      return new HostClient(client ?? db.openClient());
    },
  };
}

function scopeOf(modules: ModuleRef, token: InjectionToken): Scope {
  try {
    return modules.introspect(token as string).scope;
  } catch {
    return Scope.DEFAULT;
  }
}

/** Finds the client by a token that only the options' factory knows. */
function findClient(modules: ModuleRef, token: InjectionToken, engine: Type): TransactionalSqlClient {
  // The next line throws for an unknown token.
  if (scopeOf(modules, token) !== Scope.DEFAULT) throw scopedClientOf(token);
  try {
    return modules.get(token as string, { strict: false });
  } catch (error) {
    const all = modules.get(ModulesContainer, { strict: false });
    throw missingClient(all, engine, token) ?? error;
  }
}
