import type { Patch } from './patched-package.js';

/**
 * Wrong turns that are taken in a copy of the built package, and run by the kit itself: real processes, real database. Each
 * is caught if the run misses a check or breaks off.
 */
export interface KitMutant extends Patch {
  readonly name: string;
  /** The command line of the run that is to catch it. */
  readonly run: readonly string[];
}

const SHORT_SOAK = ['--only', 'soak', '--seconds', '6', '--rate', '200'];
const RELAYS = ['--only', 'relays', '--events', '2000'];
const INTERLEAVINGS = ['--only', 'interleavings', '--events', '150'];

const DELETE_ROW =
  'await this.client.$executeRawUnsafe(`DELETE FROM "integration".inbox_event WHERE outbox_event_id = $1::uuid`, row.outboxEventId);';

export const kitMutants: readonly KitMutant[] = [
  {
    name: 'sweep without waiting for the holders',
    file: 'dist/inbox/cursor-reader.js',
    find: 'areGone && prepared?.size === 0',
    put: 'true',
    run: ['--only', 'long-writer', '--seconds', '6'],
  },
  {
    name: 'holes never asked for again',
    file: 'dist/inbox/cursor-reader.js',
    find: 'this.log.readPage(this.toRead, rows, bytes)',
    put: 'this.log.readPage(PositionSet.range(this.readPosition), rows, bytes)',
    run: ['--only', 'long-writer', '--seconds', '6'],
  },
  {
    name: 'sequence cache of 20',
    file: 'prisma/migrations/20261127200000_log_and_publishing/migration.sql',
    find: 'GENERATED ALWAYS AS IDENTITY (CACHE 1 MAXVALUE 9007199254740991) PRIMARY KEY,\n  "id"             uuid ',
    put: 'GENERATED ALWAYS AS IDENTITY (CACHE 20 MAXVALUE 9007199254740991) PRIMARY KEY,\n  "id"             uuid ',
    run: SHORT_SOAK,
  },
  {
    name: 'events of one aggregate side by side',
    file: 'dist/delivery/partition/work-in-hand.js',
    find: 'new AggregateQueues(ordered)',
    put: 'new AggregateQueues(false)',
    run: SHORT_SOAK,
  },
  {
    name: 'memory kept over a lost connection',
    file: 'dist/delivery/consumer-workers.js',
    find: 'if (this.workers.size === 0 || this.closing)\n            return;',
    put: 'if (this.closing || what !== undefined)\n            return;',
    run: ['--only', 'restarts'],
  },
  {
    name: 'transactional handler without its inbox row',
    file: 'dist/delivery/execution/host-transaction.js',
    find: 'const { isolation, start, inserted } = await inbox.insertRow(this.client, this.lease.key, row, timeoutMs);',
    put: `const isolation = 'read committed'; const start = undefined; const inserted = true; ${DELETE_ROW}`,
    run: ['--only', 'kill', '--events', '20000'],
  },
  {
    name: 'transactional handler without its inbox row, in random interleavings',
    file: 'dist/delivery/execution/host-transaction.js',
    find: 'const { isolation, start, inserted } = await inbox.insertRow(this.client, this.lease.key, row, timeoutMs);',
    put: `const isolation = 'read committed'; const start = undefined; const inserted = true; ${DELETE_ROW}`,
    run: INTERLEAVINGS,
  },
  {
    name: 'attempts of retries not counted',
    file: 'dist/inbox/claim-due.store.js',
    find: "SET status = 'processing', attempt_count = i.attempt_count + 1,",
    put: "SET status = 'processing', attempt_count = i.attempt_count + 0,",
    run: ['--only', 'poison'],
  },
  {
    name: 'owner trusts its lease without looking at its clock',
    file: 'dist/membership/beat/held-lease.js',
    find: 'return performance.now() - this.confirmedAt < this.leaseMs;',
    put: 'return true;',
    run: ['--only', 'stopped-worker'],
  },
  {
    name: 'stalled transactions not ended by the server',
    file: 'dist/inbox/inbox-event.store.js',
    find: "set_config('idle_in_transaction_session_timeout', $7, true)",
    put: "set_config('idle_in_transaction_session_timeout', coalesce('0', $7), true)",
    run: ['--only', 'stopped-worker'],
  },
  {
    name: 'save without fence',
    file: 'dist/inbox/settlement.store.js',
    find: 'AND lease_token = $3::uuid RETURNING 1`, [key.consumerName, key.partition, token, positions, readUpto]',
    put: 'AND $3::uuid IS NOT NULL RETURNING 1`, [key.consumerName, key.partition, token, positions, readUpto]',
    run: ['--only', 'stopped-worker'],
  },
  {
    name: 'killed processes waited for until their leases run out',
    file: 'dist/membership/beat/failure-detector.js',
    find: 'now - since < LOOKS_APART_MS',
    put: 'since <= now',
    run: ['--only', 'takeover'],
  },
  {
    name: 'silent LISTEN connection trusted',
    file: 'dist/wakeups/wakeup-listener.js',
    find: 'if (!alive)\n                break;',
    put: '',
    run: ['--only', 'silent-listen'],
  },
  {
    name: 'a page waits for a silent LISTEN connection as long as for any other',
    file: 'dist/database/engine-database.js',
    find: 'answerWithin(this.limits.silentMs, ',
    put: 'answerWithin(this.limits.answerMs, ',
    run: ['--only', 'silent-listen'],
  },
  {
    name: 'retention that deletes what is unread',
    file: 'dist/maintenance/retention.store.js',
    find: 'SELECT unnest(c.unread) AS r FROM',
    put: "SELECT unnest('{}'::int8multirange) AS r FROM",
    run: INTERLEAVINGS,
  },
  {
    name: 'retention that deletes dead letters',
    file: 'dist/maintenance/retention.store.js',
    find: "AND status NOT IN ('processed', 'skipped')",
    put: "AND status NOT IN ('processed', 'skipped', 'dead_letter')",
    run: INTERLEAVINGS,
  },
  {
    name: 'filtered replay that sends every name',
    file: 'dist/changes/chosen/replay-request.store.js',
    find: "($4::text[] = '{}' OR EXISTS",
    put: '($4::text[] IS NOT NULL OR EXISTS',
    run: INTERLEAVINGS,
  },
  {
    name: 'filtered replay that sends what is unread, too',
    file: 'dist/changes/replay-window.store.js',
    find: 'WHERE NOT m.pending AND NOT EXISTS',
    put: 'WHERE NOT EXISTS',
    run: INTERLEAVINGS,
  },
  {
    name: 'inbox rows that stay in their old partition',
    file: 'dist/changes/repartition-rows.store.js',
    find: 'AND partition <> ',
    put: 'AND false AND partition <> ',
    run: INTERLEAVINGS,
  },
  {
    name: 'rows that an interrupted owner ran left as they are',
    file: 'dist/delivery/worker/retry-loop.js',
    find: 'await inbox.interruptLeftovers(key, token, [], cutOff, ended);',
    put: '',
    run: INTERLEAVINGS,
  },
  {
    name: 'receipt of a webhook committed before its event',
    file: 'prisma/migrations/20261127200600_incoming_webhooks/migration.sql',
    find: '  IF receipt->>7 IS NOT NULL THEN',
    put: '  COMMIT;\n  IF receipt->>7 IS NOT NULL THEN',
    run: ['--only', 'webhooks'],
  },
  {
    name: 'webhook answered before it is committed',
    file: 'dist/webhooks/incoming/incoming-webhook.service.js',
    find: 'const receipt = await this.publish(receiver, request, verified, tenantId);',
    put: "const receipt = { status: 'accepted' }; setTimeout(() => this.publish(receiver, request, verified, tenantId), 50);",
    run: ['--only', 'webhooks'],
  },
  {
    name: 'once that claims in a transaction of its own',
    file: 'dist/webhooks/incoming/incoming-webhook.service.js',
    find: 'const client = this.engine.host.within(tx);',
    put: 'const { client } = this.engine.host;',
    run: ['--only', 'webhooks'],
  },
  {
    name: 'postponement that counts an attempt',
    file: 'dist/delivery/partition/outcome-settler.js',
    find: 'attemptGivenBack: verdict.isPostponed ?? false',
    put: 'attemptGivenBack: false',
    run: INTERLEAVINGS,
  },
  {
    name: 'relay that gives JetStream another id with each attempt',
    file: 'dist/relay/nats/nats-relay.js',
    find: 'msgID: message.id,',
    put: 'msgID: message.id + Math.random(),',
    run: RELAYS,
  },
  {
    name: 'source that acknowledges before the commit',
    file: 'dist/relay/sources/source-loop.js',
    find: "const stored = await this.attempt('stored'",
    put: "await this.client.ack(messages); const stored = await this.attempt('stored'",
    run: RELAYS,
  },
];
