import type { SpecMutant } from './spec-mutants.js';

const PROCEDURE = 'prisma/migrations/20261127200600_incoming_webhooks/migration.sql';
const RECEIPTS = 'src/webhooks/incoming/receipts/webhook-receipt.store.ts';
const SERVICE = 'src/webhooks/incoming/incoming-webhook.service.ts';
const INCOMING = 'test/webhooks/incoming.spec.ts';
const ONCE = 'test/webhooks/once.spec.ts';

/** Wrong turns in the statement that takes a webhook in, and in `once`. */
export const webhookMutants: readonly SpecMutant[] = [
  {
    name: 'webhooks: a delivery that is known is published again',
    patches: [{ file: PROCEDURE, find: 'IF NOT FOUND THEN', put: 'IF false THEN' }],
    spec: INCOMING,
    test: 'that come at once, fifty of them, are one event',
  },
  {
    name: 'webhooks: the receipt is committed before its event',
    patches: [
      {
        file: PROCEDURE,
        find: '  IF receipt->>7 IS NOT NULL THEN',
        put: '  COMMIT;\n  IF receipt->>7 IS NOT NULL THEN',
      },
    ],
    spec: INCOMING,
    test: 'leaves no receipt where it ends between the receipt and the event',
  },
  {
    name: 'webhooks: tenants share their keys',
    patches: [
      {
        file: PROCEDURE,
        find: 'PRIMARY KEY ("source", "tenant_id", "key_hash")',
        put: 'PRIMARY KEY ("source", "key_hash")',
      },
      {
        file: PROCEDURE,
        find: 'ON CONFLICT ("source", "tenant_id", "key_hash") DO NOTHING',
        put: 'ON CONFLICT ("source", "key_hash") DO NOTHING',
      },
      {
        file: RECEIPTS,
        find: "decode($3, 'hex'))\n      ON CONFLICT (source, tenant_id, key_hash) DO NOTHING",
        put: "decode($3, 'hex'))\n      ON CONFLICT (source, key_hash) DO NOTHING",
      },
    ],
    spec: ONCE,
    test: 'knows equal keys of two tenants and of two sources as different deliveries',
  },
  {
    name: 'webhooks: a body of another tenant counts as its own',
    patches: [
      {
        file: PROCEDURE,
        find: 'r."body_hash" = body AND r."tenant_id" = receipt->>1 AND',
        put: 'r."body_hash" = body AND',
      },
    ],
    spec: ONCE,
    test: 'does not hear of bodies that another tenant got under another id',
  },
  {
    name: 'webhooks: equal bodies do not wait for each other',
    patches: [{ file: PROCEDURE, find: 'PERFORM pg_advisory_xact_lock(', put: 'PERFORM (' }],
    spec: 'test/webhooks/twin.spec.ts',
    test: 'waits for an equal body under another id that is not committed yet',
  },
  {
    name: 'once: nothing is claimed',
    patches: [
      { file: SERVICE, find: "if (claimed === 'duplicate') return { status: 'duplicate' };", put: '' },
    ],
    spec: ONCE,
    test: 'commits the claim, the writes and the events together',
  },
  {
    name: 'once: the claim is committed before the rest',
    patches: [
      {
        file: SERVICE,
        find: 'const client = this.engine.host.within(tx);',
        put: 'const { client } = this.engine.host;',
      },
    ],
    spec: ONCE,
    test: 'leaves nothing if it fails before it writes',
  },
  {
    name: 'once: its events are committed before the rest',
    patches: [{ file: SERVICE, find: 'persistenceClient: tx,', put: 'outsideTransaction: true,' }],
    spec: ONCE,
    test: 'leaves nothing if it fails after its event',
  },
];
