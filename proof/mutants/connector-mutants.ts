import type { SpecMutant } from './spec-mutants.js';

const REFRESHER = 'src/connectors/credentials/refresher.ts';
const TOKENS = 'src/connectors/credentials/token.store.ts';
const AUTHORIZATIONS = 'src/connectors/oauth/authorization.store.ts';
const CONNECTIONS = 'src/connectors/connections/connection.store.ts';
const MEMORY = 'src/connectors/credentials/connection-memory.ts';
const IDENTITY = 'src/connectors/credentials/connection-identity.ts';
const WEBHOOKS = 'src/connectors/connections/connection-webhook.store.ts';
const TURN = 'src/connectors/tenants/webhook-turn.ts';
const WORK = 'src/connectors/connections/connection-work.store.ts';
const HEALTH_CHECKS = 'test/connectors/health.spec.ts';
const SUBSCRIBING = 'test/connectors/webhooks.spec.ts';
const AUTHORIZING = 'test/connectors/authorization.spec.ts';
const TENANTS = 'test/connectors/tenants.spec.ts';
const MODES = 'test/connectors/auth-modes.spec.ts';
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
  {
    name: 'connector: a state is good for every tenant',
    patches: [
      {
        file: AUTHORIZATIONS,
        find: 'WHERE tenant_id = $1 AND state_hash = $2 AND used_at',
        put: 'WHERE $1::text IS NOT NULL AND state_hash = $2 AND used_at',
      },
    ],
    spec: AUTHORIZING,
    test: 'with the session of another tenant, and changes nothing there',
  },
  {
    name: 'connector: a state is good twice',
    patches: [
      { file: AUTHORIZATIONS, find: 'AND used_at IS NULL AND expires_at >', put: 'AND expires_at >' },
    ],
    spec: AUTHORIZING,
    test: 'a way back is refused the second time',
  },
  {
    name: 'connector: a connection is held whoever it belongs to',
    patches: [
      {
        file: CONNECTIONS,
        find: 'WHERE c.tenant_id = $1 AND c.id = $2 FOR NO KEY UPDATE',
        put: 'WHERE $1::text IS NOT NULL AND c.id = $2 FOR NO KEY UPDATE',
      },
    ],
    spec: TENANTS,
    test: 'is unknown to disable, and stays as it is',
  },
  {
    name: 'connector: the memory gives a connection to every tenant',
    patches: [
      { file: MEMORY, find: 'if (known.tenantId !== tenantId) throw unknownConnection(id);', put: '' },
    ],
    spec: TENANTS,
    test: 'is unknown also where this process has it in its memory',
  },
  {
    name: 'connector: a token that came just now is replaced for each 401',
    patches: [{ file: IDENTITY, find: 'if (refresher.isYoung(id, generation)) return false;', put: '' }],
    spec: MODES,
    test: 'costs two requests a call, if the next one is refused as well',
  },
  {
    name: 'connector: what was wanted meanwhile counts as done',
    patches: [{ file: WEBHOOKS, find: 'done_no = $6,', put: 'done_no = wanted_no + 0 * $6::int,' }],
    spec: SUBSCRIBING,
    test: 'with a slow answer: what is wanted by then is asked for next',
  },
  {
    name: 'connector: a turn of a webhook is saved without the fence',
    patches: [
      {
        file: WEBHOOKS,
        find: 'AND owner_token = $3 RETURNING 1',
        put: 'AND $3::uuid IS NOT NULL RETURNING 1',
      },
    ],
    spec: SUBSCRIBING,
    test: 'what a turn has heard that another one has overtaken is not saved',
  },
  {
    name: 'connector: nobody knows that the other system was asked',
    patches: [
      {
        file: WEBHOOKS,
        find: "status = CASE WHEN w.wanted THEN 'asked' ELSE w.status END",
        put: 'status = w.status',
      },
    ],
    spec: SUBSCRIBING,
    test: 'after the answer to subscribing, and disabled then, leaves no subscription',
  },
  {
    name: 'connector: a webhook is claimed that somebody else has',
    patches: [
      {
        file: WEBHOOKS,
        find: 'AND (owner_until IS NULL OR owner_until <= clock_timestamp())',
        put: '',
      },
    ],
    spec: SUBSCRIBING,
    test: 'before the answer to subscribing leaves one subscription in the end',
  },
  {
    name: 'connector: a turn that is cut off gives its claim back',
    patches: [{ file: TURN, find: "if (signal?.aborted === true) return { is: 'cut-off' };", put: '' }],
    spec: SUBSCRIBING,
    test: 'during the answer to subscribing leaves one subscription in the end',
  },
  {
    name: 'connector: a health check that kills its process comes again as soon as others',
    patches: [{ file: WORK, find: '* power(2, least(seen.health_tries, 6))', put: '' }],
    spec: HEALTH_CHECKS,
    test: 'has another time after a look that did not come to its end, later each time',
  },
  {
    name: 'connector: what nobody was there for is made up for at once',
    patches: [{ file: WORK, find: 'return row?.isLate === false;', put: 'return row !== undefined;' }],
    spec: HEALTH_CHECKS,
    test: 'of many that nobody was there for is spread anew, and not looked at at once',
  },
];
