import type { SpecMutant } from './spec-mutants.js';

const REFRESHER = 'src/connectors/credentials/refresher.ts';
const TOKENS = 'src/connectors/credentials/token.store.ts';
const REFRESHING = 'test/connectors/refresher.spec.ts';

/** Wrong turns in connectors. */
export const connectorMutants: readonly SpecMutant[] = [
  {
    name: 'connector: a token is claimed whatever its generation is',
    patches: [
      {
        file: TOKENS,
        find: 'WHERE tenant_id = $1 AND connection_id = $2 AND generation = $4',
        put: 'WHERE tenant_id = $1 AND connection_id = $2 AND $4::int IS NOT NULL',
      },
    ],
    spec: REFRESHING,
    test: 'does not ask with it if another one has got the next one meanwhile',
  },
  {
    name: 'connector: a provider may answer for longer than the lease',
    patches: [
      {
        file: REFRESHER,
        find: 'Math.max(refreshLeaseMs, refreshTimeoutMs + LEAST_MARGIN_MS)',
        put: 'refreshLeaseMs + 0 * LEAST_MARGIN_MS',
      },
    ],
    spec: REFRESHING,
    test: 'has ended before another process may begin one',
  },
  {
    name: 'connector: a token is saved without the fence',
    patches: [
      {
        file: TOKENS,
        find: 'AND lease_token = $3 AND generation = $4 RETURNING generation',
        put: 'AND $3::uuid IS NOT NULL AND $4::int > 0 RETURNING generation',
      },
    ],
    spec: REFRESHING,
    test: 'saves nothing if another one has claimed meanwhile',
  },
  {
    name: 'connector: invalid_grant is believed without the fence',
    patches: [
      { file: REFRESHER, find: 'if (claim !== undefined && !(await', put: 'if (claim === null && !(await' },
    ],
    spec: REFRESHING,
    test: 'believes no invalid_grant if another one has succeeded',
  },
  {
    name: 'connector: a claim that is taken does not keep others away',
    patches: [
      {
        file: TOKENS,
        find: 'AND (lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp())\n         AND (next_refresh_at',
        put: 'AND (next_refresh_at',
      },
    ],
    spec: REFRESHING,
    test: 'ask the provider once for each expiry, one at a time',
  },
  {
    name: 'connector: an answer without a refresh token forgets the one before',
    patches: [
      { file: REFRESHER, find: 'tokens.refreshToken ?? before?.refreshToken', put: 'tokens.refreshToken' },
    ],
    spec: REFRESHING,
    test: 'without a refresh token leaves the one before',
  },
  {
    name: 'connector: whoever has a valid token waits for the next one',
    patches: [
      {
        file: REFRESHER,
        find: 'usable === undefined ? this.asOwner(of, owned) : this.goBehind(of, owned, usable)',
        put: 'this.asOwner(of, owned)',
      },
    ],
    spec: REFRESHING,
    test: 'is not waited for by whoever has a valid token',
  },
];
