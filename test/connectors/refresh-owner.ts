import { randomUUID } from 'node:crypto';
import { authorOf } from '../../src/audit/change-author.js';
import { ConnectionStore } from '../../src/connectors/connections/connection.store.js';
import { tokenOf } from '../../src/connectors/connections/connection-secrets.js';
import {
  type Refreshable,
  Refresher,
  type RefreshOutcome,
  type RefreshSettings,
} from '../../src/connectors/credentials/refresher.js';
import { TokenStore } from '../../src/connectors/credentials/token.store.js';
import { textOfTokens } from '../../src/connectors/credentials/token-text.js';
import type { TokenAnswer } from '../../src/connectors/oauth/token-answer.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { EventLimits } from '../../src/events/event-limits.js';
import { OutboxEventStore } from '../../src/outbox/outbox-event.store.js';
import { PartEvents } from '../../src/outbox/part-events.js';
import { sealingTransaction } from '../../src/secrets/sealing-transaction.js';
import { SecretParts } from '../../src/secrets/secret-parts.js';
import type { TestDatabase } from '../support/test-database.js';
import { KEYS } from './connector-app.js';

const FAST: RefreshSettings = { refreshSkewMs: 60_000, refreshTimeoutMs: 200, refreshLeaseMs: 1_300 };

/** What a provider that rotates refresh tokens knows: which one is valid. A second use revokes the grant. */
export class Grant {
  valid = 'refresh-1';
  exchanged = 0;
  isRevoked = false;
  underWay = 0;
  mostAtOnce = 0;

  exchange(refreshToken: string | undefined): TokenAnswer {
    if (this.isRevoked || refreshToken !== this.valid) {
      this.isRevoked = true;
      return { is: 'dead', reason: 'invalid_grant' };
    }
    this.exchanged++;
    this.valid = `refresh-${this.exchanged + 1}`;
    return {
      is: 'tokens',
      tokens: {
        accessToken: `access-${this.exchanged + 1}`,
        refreshToken: this.valid,
        expiresInSeconds: 3_600,
      },
    };
  }

  /** An exchange that takes a turn of the event loop. */
  async answer(refreshToken: string | undefined): Promise<TokenAnswer> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.underWay);
    try {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return this.exchange(refreshToken);
    } finally {
      this.underWay--;
    }
  }
}

/** One process that refreshes tokens, without an application around it. */
export interface Owner {
  readonly refresher: Refresher;
  readonly db: EngineDatabase;
  readonly outcomes: RefreshOutcome[];
  readonly parts: SecretParts;
  close(): Promise<void>;
}

export function ownerOn(
  database: TestDatabase,
  settings: Partial<RefreshSettings> = {},
  around: (db: EngineDatabase) => EngineDatabase = (db) => db,
): Owner {
  const real = new EngineDatabase({ connectionString: database.url, schema: 'integration', max: 4 });
  const db = around(real);
  const parts = new SecretParts(
    () => db,
    () => KEYS,
  );
  const outcomes: RefreshOutcome[] = [];
  const refresher = new Refresher({
    db,
    secrets: parts,
    events: new PartEvents(new OutboxEventStore(db), new EventLimits()),
    settings: () => ({ ...FAST, ...settings }),
    logger: { warnOfFailure: () => true },
    author: authorOf({}),
    tell: async () => {},
    refreshed: (_, outcome) => outcomes.push(outcome),
  });
  return {
    refresher,
    db,
    outcomes,
    parts,
    close: async () => {
      await refresher.stop();
      await real.close();
    },
  };
}

/** A connection with a token that has expired. */
export async function expiredConnection({ db, parts }: Owner): Promise<{ id: string; tenantId: string }> {
  const of = { id: randomUUID(), tenantId: 'acme' };
  await sealingTransaction(parts, db, async (session, add) => {
    const row = { ...of, connector: 'hris', name: 'HR', config: {}, keyId: 'k', actions: null };
    const store = new ConnectionStore(db);
    await store.add(session, row);
    await store.setState(session, of, 'enabled');
    const generation = await new TokenStore(db).begin(session, of, { expiresInMs: -1, isRenewable: true });
    const text = textOfTokens({ accessToken: 'access-1', refreshToken: 'refresh-1' });
    await add(tokenOf(of), text, 0, generation);
  });
  return of;
}

export function refreshable(
  of: { id: string; tenantId: string },
  request: Refreshable['request'],
): Refreshable {
  return { ...of, connector: 'hris', canRefresh: (token) => token?.refreshToken !== undefined, request };
}

/** Lets the token of a connection expire. */
export async function expire(database: TestDatabase, { id }: { id: string }): Promise<void> {
  await database.pool.query(
    `UPDATE integration.connection_token SET expires_at = clock_timestamp() - interval '1 second' WHERE connection_id = $1`,
    [id],
  );
}

export interface TokenRow {
  readonly generation: number;
  readonly lease_token: string | null;
  readonly failures: number;
  readonly versions: number[];
  readonly health: string;
}

export async function tokenRow(database: TestDatabase, { id }: { id: string }): Promise<TokenRow> {
  const { rows } = await database.pool.query<TokenRow>(
    `SELECT t.generation, t.lease_token, t.failures, c.health,
       ARRAY(SELECT s.version FROM integration.integration_secret s WHERE s.owner_id = c.id::text AND s.name = 'token' ORDER BY 1) AS versions
     FROM integration.connection_token t JOIN integration.connection c ON c.id = t.connection_id WHERE c.id = $1`,
    [id],
  );
  return rows[0] as TokenRow;
}
