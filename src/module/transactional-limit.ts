import { Inject, Injectable, type Logger } from '@nestjs/common';
import type { HostPool } from '../database/clients/host-adapter.js';
import { HostConnections } from '../delivery/execution/host-connections.js';
import type { Consumer } from '../subscribers/consumer.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { loggerOf } from '../words/engine-logger.js';
import { RESOLVED_OPTIONS, type ResolvedOptions } from './integration.options.js';

/**
 * The connections of a pool whose size is not known: the default of node-postgres and of Prisma's adapter.
 */
const ASSUMED_POOL_SIZE = 10;
/** More is left to others only by the option. */
const MOST_ROOM = 10;

/** How many connections of a pool are left to requests, and to handlers that ask for a second one. */
function roomIn(size: number): number {
  return Math.min(MOST_ROOM, Math.ceil(size / 6));
}

type Concurrency = Pick<Consumer, 'concurrency' | 'isConcurrencyGiven' | 'isTransactional' | 'partitions'>;

/** How many transactional handlers run at once where the option says nothing. */
export function defaultLimitOf(pool: HostPool | undefined, consumers: readonly Concurrency[]): number {
  const size = pool?.size ?? ASSUMED_POOL_SIZE;
  return Math.max(1, size - roomIn(size), askedFor(consumers));
}

/** How many handlers the consumers with a `concurrency` of their own ask for together. */
function askedFor(consumers: readonly Concurrency[]): number {
  return consumers
    .filter(({ isTransactional, isConcurrencyGiven }) => isTransactional && isConcurrencyGiven)
    .reduce((sum, { concurrency, partitions }) => sum + concurrency * partitions, 0);
}

/**
 * Decides how many transactional handlers run at once in the process, and says where that may take every
 * connection of the host's pool.
 */
@Injectable()
export class TransactionalLimit {
  private readonly logger: Logger;
  private hasWarned = false;

  constructor(
    private readonly connections: HostConnections,
    private readonly registry: EventSubscriberRegistry,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {
    this.logger = loggerOf('IntegrationModule', { engine: options.name });
  }

  /** Runs when the consumers of the boot are known. Others may come later. */
  start(): void {
    this.decide();
    this.registry.registrations$.subscribe(() => this.decide());
  }

  private decide(): void {
    const consumers = this.registry.consumers().filter(({ isTransactional }) => isTransactional);
    if (consumers.length === 0) return;
    const { pool } = this.connections;
    const { transactionalConcurrency: given } = this.options;
    const limit = given ?? defaultLimitOf(pool, consumers);
    this.connections.limitTo(limit);
    const isKnown = pool !== undefined;
    if (this.hasWarned || limit < (pool?.size ?? ASSUMED_POOL_SIZE) || (!isKnown && given !== undefined))
      return;
    this.hasWarned = true;
    const who = consumers.map(({ name, concurrency, partitions }) => `"${name}" ${concurrency * partitions}`);
    this.logger.warn(
      `Transactional handlers of this process may hold ${limit} connections of the client's pool at once (${who.join(', ')}), and ${isKnown ? `the pool has ${pool.size}` : `how many it has, ${this.connections.library} does not show`}. When they hold all, requests wait for them, and a handler that asks for a second connection waits until its deadline. ${isKnown ? `Enlarge the pool, or give less concurrency to the consumers, or transactionalConcurrency below ${pool.size} to IntegrationModule.` : 'Make sure that the pool is larger, and say so by giving this number to IntegrationModule as transactionalConcurrency.'}`,
    );
  }
}
