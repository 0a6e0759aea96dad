import { type InjectionToken, type Provider, Scope, type Type } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { missingClient } from '../database/clients/client-missing.js';
import { scopedClientOf } from '../database/clients/client-scope.js';
import { type AmbientTransaction, clientFrom, HostClient } from '../database/clients/host-client.js';
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
      inject: [{ token: clientToken, optional: true }, ModulesContainer, ModuleRef, RESOLVED_OPTIONS],
      useFactory: (
        client: object | null | undefined,
        all: ModulesContainer,
        modules: ModuleRef,
        options: ResolvedOptions,
      ) => {
        const ambient = ambientOf(options);
        if (client !== null && client !== undefined)
          return new HostClient(clientFrom(client, options.adapter), ambient);
        // Some versions of Nest raise the same error for a missing provider and for one that could not be
        // created. The boot fails by itself in the second case.
        const missing = missingClient(all, engine, clientToken);
        if (missing !== undefined) throw missing;
        return new HostClient(clientLater(modules, clientToken, engine, options), ambient);
      },
    };
  }
  return {
    provide: HostClient,
    inject: [RESOLVED_OPTIONS, EngineDatabase, ModuleRef],
    useFactory: (options: ResolvedOptions, db: EngineDatabase, modules: ModuleRef) => {
      const { client, clientToken: token } = options;
      const ambient = ambientOf(options);
      // A token that only the options' factory knows cannot be declared as a dependency: the client may be
      // made later.
      if (token !== undefined) return new HostClient(clientLater(modules, token, engine, options), ambient);
      return new HostClient(client === undefined ? db.openClient() : clientFrom(client, undefined), ambient);
    },
  };
}

function ambientOf({ ambient, ambientPublishing }: ResolvedOptions): AmbientTransaction | undefined {
  return ambient && { current: ambient, joins: ambientPublishing === 'join' };
}

/** How to find the client of a token once it has been made. Its adapter is made once. */
function clientLater(
  modules: ModuleRef,
  token: InjectionToken,
  engine: Type,
  { adapter }: ResolvedOptions,
): () => TransactionalSqlClient {
  if (adapter === undefined) return () => findClient(modules, token, engine);
  let adapted: TransactionalSqlClient | undefined;
  return () => {
    adapted ??= clientFrom(findClient(modules, token, engine), adapter);
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
