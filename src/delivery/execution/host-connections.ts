import { Injectable } from '@nestjs/common';
import { AdaptedClient } from '../../database/clients/adapted-client.js';
import { EngineClient } from '../../database/clients/engine-client.js';
import { type HostPool, OF_THE_POOL } from '../../database/clients/host-adapter.js';
import { HostClient } from '../../database/clients/host-client.js';
import type { LentTransaction } from '../../database/clients/lent-transaction.js';
import { ConcurrencyLimiter, type SlotUser } from './concurrency-limiter.js';

const MUST_NOT_WAIT =
  'A transactional handler must not wait for another connection of the pool from which it has its own';

/** A transaction that runs, and the consumer whose handler it is for. */
interface Holder {
  readonly consumerName: string;
  readonly lent: LentTransaction;
}

/**
 * The connections of the host's pool that transactional handlers of this process hold. It limits their
 * number, over all consumers together, because a pool that they hold alone leaves nothing for requests, nor
 * for a handler that asks for a second one. It also knows who holds them, so that a deadline can say why it
 * passed.
 */
@Injectable()
export class HostConnections {
  private readonly places = new ConcurrencyLimiter(Number.POSITIVE_INFINITY);
  private readonly holders = new Set<Holder>();
  private most = Number.POSITIVE_INFINITY;

  constructor(private readonly host: HostClient) {}

  /** How many transactional handlers may run at once. */
  get limit(): number {
    return this.most;
  }

  limitTo(most: number): void {
    this.most = most;
    this.places.limitTo(most);
  }

  /** Returns true if a transactional handler may begin. Otherwise the user is told when it may. */
  tryTake(user: SlotUser): boolean {
    return this.places.tryTake(user);
  }

  release(): void {
    this.places.release();
  }

  /** Called when a transaction has begun. The function that it returns is called when it has ended. */
  hold(consumerName: string, lent: LentTransaction): () => void {
    const holder = { consumerName, lent };
    this.holders.add(holder);
    return () => {
      this.holders.delete(holder);
    };
  }

  /** The pool of the host's client, if the client shows it. */
  get pool(): HostPool | undefined {
    const { client } = this.host;
    return client instanceof EngineClient ? client.poolNow : AdaptedClient.of(client)?.pool;
  }

  /** The library of the host, for texts. */
  get library(): string {
    const { client } = this.host;
    if (client instanceof EngineClient) return 'the engine';
    return AdaptedClient.of(client)?.words.library ?? "the host's client";
  }

  /**
   * Says that the handlers themselves have used up the pool, if that is so at this moment. It only says what
   * is known: some libraries show neither the size of their pool nor who waits for it.
   */
  shortage(asking: LentTransaction | undefined): string | undefined {
    const holders = [...this.holders];
    const idle = holders.filter(({ lent }) => lent.isBusy !== true);
    if (asking?.isBusy === true || idle.length === 0) return undefined;
    const { pool } = this;
    if (pool === undefined) return this.shortageOfUnknown(holders);
    const { size, inUse, waiting } = pool;
    if (waiting === 0 || (inUse !== undefined && inUse < size)) return undefined;
    if (idle.length >= size) {
      const areKnown = waiting !== undefined && idle.every(({ lent }) => lent.isBusy === false);
      const who =
        size === 1
          ? `the only connection ${OF_THE_POOL} is held by a handler of ${namesOf(idle)} that ${areKnown ? 'waits' : 'may wait'}`
          : `all ${size} connections ${OF_THE_POOL} are held by handlers of ${namesOf(idle)} that ${areKnown ? 'wait' : 'may wait'}`;
      return `${who} for another one: ${this.remedy}`;
    }
    if (inUse === undefined || waiting === undefined) return undefined;
    return `all ${size} connections ${OF_THE_POOL} are in use, ${holders.length} of them by transactional handlers of ${namesOf(holders)}, and ${waiting} more are waited for. ${MUST_NOT_WAIT}: ${this.remedy}`;
  }

  private shortageOfUnknown(holders: readonly Holder[]): string | undefined {
    if (holders.length < this.most) return undefined;
    return `${holders.length} connections ${OF_THE_POOL} are held by handlers of ${namesOf(holders)}. How many the pool has, ${this.library} does not show. If these are all, the handlers may wait for one another. ${MUST_NOT_WAIT}: ${this.remedy}`;
  }

  private get remedy(): string {
    const within = AdaptedClient.of(this.host.client)?.words.within;
    return within ?? 'write through context.transaction';
  }
}

function namesOf(holders: readonly Holder[]): string {
  const names = [...new Set(holders.map(({ consumerName }) => `"${consumerName}"`))];
  return `${names.length === 1 ? 'consumer' : 'consumers'} ${names.join(', ')}`;
}
