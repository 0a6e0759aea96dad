import type { SpecMutant } from './spec-mutants.js';

const DELIVERY = 'src/contracts/contract-delivery.ts';
const UPCASTS = 'src/contracts/upcasts.ts';
const REVIEW = 'src/contracts/contract-review.ts';
const PUBLISHER = 'src/outbox/domain-event-publisher.ts';
const PUBLISHING = 'test/contracts/publishing.spec.ts';

/** Wrong turns in what contracts demand of events. */
export const contractMutants: readonly SpecMutant[] = [
  {
    name: 'contracts: a version that the code does not know is delivered',
    patches: [{ file: DELIVERY, find: "if (this.settings.newerVersion === 'deliver')", put: 'if (name)' }],
    spec: PUBLISHING,
    test: 'are not called for a version that the code does not know',
  },
  {
    name: 'contracts: handlers get what is stored',
    patches: [{ file: UPCASTS, find: 'current = resultOf(', put: 'if (!current) current = resultOf(' }],
    spec: PUBLISHING,
    test: 'see the newest version, whatever was stored: one by one',
  },
  {
    name: 'contracts: the last upcaster alone is used',
    patches: [
      {
        file: UPCASTS,
        find: 'for (let version = from; version',
        put: 'for (let version = contract.version - 1; version',
      },
    ],
    spec: PUBLISHING,
    test: 'see the newest version, whatever was stored: in batches in a transaction',
  },
  {
    name: 'contracts: an event is checked after it was written',
    patches: [
      {
        file: PUBLISHER,
        find: 'const storable = publishing === undefined ? event : await theOneOf(event, publishing);\n    const entry = toLogEntry(storable,',
        put: 'const entry = toLogEntry(event,',
      },
      {
        file: PUBLISHER,
        find: 'const result = await this.store.insertEvent(target.client, entry);',
        put: 'const result = await this.store.insertEvent(target.client, entry);\n    if (publishing !== undefined) await theOneOf(event, publishing);',
      },
    ],
    spec: PUBLISHING,
    test: 'rejects a payload of zod.order that does not fit',
  },
  {
    name: 'contracts: another schema under a known version is let in',
    patches: [{ file: REVIEW, find: 'if (hash === before.hash) return [];', put: 'if (hash) return [];' }],
    spec: 'test/contracts/boot.spec.ts',
    test: 'refuses another schema under a known version',
  },
];
