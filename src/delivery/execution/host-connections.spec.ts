import { describe, expect, it } from '@jest/globals';
import { AdaptedClient } from '../../database/clients/adapted-client.js';
import type { HostAdapter, HostPool } from '../../database/clients/host-adapter.js';
import { HostClient } from '../../database/clients/host-client.js';
import type { LentTransaction } from '../../database/clients/lent-transaction.js';
import { HostConnections } from './host-connections.js';

/** The connections of a library whose pool is in this state. */
function connectionsOf(pool: HostPool | undefined): HostConnections {
  const adapter = {
    words: { library: 'Kysely', root: '', transaction: '', within: 'use the trx' },
    pool: () => pool,
  } as unknown as HostAdapter<object>;
  return new HostConnections(new HostClient(new AdaptedClient(adapter)));
}

const lent = (isBusy: boolean | undefined): LentTransaction => ({
  native: {},
  isBusy,
  takeBack: () => undefined,
});

function hold(connections: HostConnections, consumerName: string, count: number, isBusy?: boolean) {
  return Array.from({ length: count }, () => connections.hold(consumerName, lent(isBusy)));
}

describe('what is said of a pool when a deadline passes', () => {
  it('names the consumers whose handlers hold all connections and wait for more', () => {
    const connections = connectionsOf({ size: 10, inUse: 10, waiting: 10 });
    hold(connections, 'invoices', 6, false);
    hold(connections, 'ledger', 4, false);
    expect(connections.shortage(lent(false))).toBe(
      `all 10 connections of the host's pool are held by handlers of consumers "invoices", "ledger" that wait for another one: use the trx`,
    );
  });

  it('says no more than the library shows', () => {
    const connections = connectionsOf({ size: 2 });
    hold(connections, 'invoices', 2);
    expect(connections.shortage(lent(undefined))).toContain('that may wait for another one');
    const unknown = connectionsOf(undefined);
    unknown.limitTo(2);
    hold(unknown, 'invoices', 2);
    expect(unknown.shortage(lent(undefined))).toContain('How many the pool has, Kysely does not show');
  });

  it('blames nobody who waits for a row, or while a connection is free or nobody wants one', () => {
    const states: [HostPool, asking: boolean][] = [
      [{ size: 2, inUse: 2, waiting: 1 }, true],
      [{ size: 2, inUse: 1, waiting: 0 }, false],
      [{ size: 2, inUse: 2, waiting: 0 }, false],
    ];
    for (const [pool, asking] of states) {
      const connections = connectionsOf(pool);
      hold(connections, 'invoices', 2, asking);
      expect(connections.shortage(lent(asking))).toBeUndefined();
    }
  });

  it('tells the handlers apart from others that hold connections, and forgets those that have ended', () => {
    const connections = connectionsOf({ size: 10, inUse: 10, waiting: 3 });
    const [giveBack] = hold(connections, 'invoices', 3, false);
    giveBack?.();
    expect(connections.shortage(lent(false))).toContain(
      `all 10 connections of the host's pool are in use, 2 of them by transactional handlers of consumer "invoices", and 3 more are waited for`,
    );
  });
});
