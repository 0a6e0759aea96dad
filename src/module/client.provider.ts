import { type InjectionToken, type Provider, Scope } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { missingClient } from '../database/clients/client-missing.js';
import { scopedClientOf } from '../database/clients/client-scope.js';
import { type AmbientTransaction, clientFrom, HostClient } from '../database/clients/host-client.js';
import type { TransactionalSqlClient } from '../database/clients/sql-client.js';
import { EngineDatabase } from '../database/engine-database.js';
import { engineModule } from './engines.js';
import { RESOLVED_OPTIONS, type ResolvedOptions } from './integration.options.js';

/**
 * Provides the host's client, which is given by token or by value. Without one it provides the engine's own
 * connections.
 */
export function hostClientProvider(clientToken: InjectionToken | undefined): Provider {
  if (clientToken !== undefined) {
    return {
      provide: HostClient,
      inject: [{ token: clientToken, optional: true }, ModulesContainer, ModuleRef, RESOLVED_OPTIONS],
      useFactory: (
        client: object | null | undefined,
        all: ModulesContainer,
        modules: ModuleRef,
        options: ResolvedOptions,
      ) => {
        if (client !== null && client !== undefined)
          return hostClient(clientFrom(client, options.adapter), options);
        // Some versions of Nest raise the same error for a missing provider and for one that could not be
        // created. The boot fails by itself in the second case.
        const missing = missingClient(all, engineModule(all, options.name), clientToken);
        if (missing !== undefined) throw missing;
        return hostClient(clientLater(modules, clientToken, options), options);
      },
    };
  }
  return {
    provide: HostClient,
    inject: [RESOLVED_OPTIONS, EngineDatabase, ModuleRef],
    useFactory: (options: ResolvedOptions, db: EngineDatabase, modules: ModuleRef) => {
      const { client, clientToken: token } = options;
      // A token that only the options' factory knows cannot be declared as a dependency: the client may be
      // made later.
      if (token !== undefined) return hostClient(clientLater(modules, token, options), options);
      return hostClient(client === undefined ? db.openClient() : clientFrom(client, undefined), options);
    },
  };
}

function hostClient(
  source: TransactionalSqlClient | (() => TransactionalSqlClient),
  { ambient, ambientPublishing, name }: ResolvedOptions,
): HostClient {
  const around: AmbientTransaction | undefined = ambient && {
    current: ambient,
    joins: ambientPublishing === 'join',
  };
  return new HostClient(source, around, name);
}

/** How to find the client of a token once it has been made. Its adapter is made once. */
function clientLater(
  modules: ModuleRef,
  token: InjectionToken,
  { adapter, name }: ResolvedOptions,
): () => TransactionalSqlClient {
  if (adapter === undefined) return () => findClient(modules, token, name);
  let adapted: TransactionalSqlClient | undefined;
  return () => {
    adapted ??= clientFrom(findClient(modules, token, name), adapter);
    return adapted;
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
function findClient(modules: ModuleRef, token: InjectionToken, engine: string): TransactionalSqlClient {
  // The next line throws for an unknown token.
  if (scopeOf(modules, token) !== Scope.DEFAULT) throw scopedClientOf(token);
  try {
    return modules.get(token as string, { strict: false });
  } catch (error) {
    const all = modules.get(ModulesContainer, { strict: false });
    throw missingClient(all, engineModule(all, engine), token) ?? error;
  }
}
