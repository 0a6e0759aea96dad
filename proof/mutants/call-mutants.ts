import type { SpecMutant } from './spec-mutants.js';

const STORE = 'src/calls/call.store.ts';
const TURN = 'src/calls/call-turn.ts';
const WORK = 'src/calls/call-work.ts';
const FUNCTIONS = 'prisma/migrations/20261129170000_call_functions/migration.sql';
const HEARD = 'src/calls/heard.ts';
const REPORTS = 'test/calls/reports.spec.ts';
const CRASHES = 'test/calls/crashes.spec.ts';
const CHANGES = 'test/calls/changes.spec.ts';

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are pieces of source.
/** Wrong turns in calls. */
export const callMutants: readonly SpecMutant[] = [
  {
    name: 'call: an attempt is not counted before the start',
    patches: [
      {
        file: STORE,
        find: "attempt = attempt + (CASE WHEN status = 'requested' THEN 1 ELSE 0 END),\n         crashes",
        put: 'crashes',
      },
    ],
    spec: CRASHES,
    test: 'is started again with the same key',
  },
  {
    name: 'call: a report takes no lock of its external id',
    patches: [
      {
        file: FUNCTIONS,
        find: 'PERFORM pg_advisory_xact_lock(hashtextextended("lock_name", 0));',
        put: '',
      },
    ],
    spec: REPORTS,
    test: 'that commits while the external id becomes known is not lost',
  },
  {
    name: 'call: an external id becomes known without its lock',
    patches: [
      {
        file: TURN,
        find: '    await store.lockName(this.client, { tenantId, type, externalId });\n',
        put: '',
      },
    ],
    spec: REPORTS,
    test: 'that commits while the external id becomes known is not lost',
  },
  {
    name: 'call: what has waited is not taken up with the external id',
    patches: [{ file: TURN, find: '    if (isNamed && applied) await this.adopt();\n', put: '' }],
    spec: REPORTS,
    test: 'that comes before the external id is known waits',
  },
  {
    name: 'call: a report does not lock the call',
    patches: [
      {
        file: STORE,
        find: '${this.call} c WHERE c.id = $1::text::uuid FOR NO KEY UPDATE`',
        put: '${this.call} c WHERE c.id = $1::text::uuid`',
      },
      {
        file: FUNCTIONS,
        find: 'c."external_id" = "of_external_id" FOR NO KEY UPDATE;',
        put: 'c."external_id" = "of_external_id";',
      },
    ],
    spec: REPORTS,
    test: 'waits for one that is under way',
  },
  {
    name: 'call: a second end changes the first',
    patches: [{ file: HEARD, find: '  if (hasEnded(state.status)) return unchanged;\n', put: '' }],
    spec: REPORTS,
    test: 'that is repeated, late or contradicting',
  },
  {
    name: 'call: what a dead process had begun is not asked for',
    patches: [
      {
        file: WORK,
        find: 'const isUnknown = call.isUnknown || isOfDead;\n    if (isUnknown) {',
        put: 'const isUnknown = call.isUnknown;\n    if (isUnknown) {',
      },
    ],
    spec: CRASHES,
    test: 'is asked for first',
  },
  {
    name: 'call: what dead processes had begun runs beside others',
    patches: [
      {
        file: WORK,
        find: 'this.parts.alone.run(isOfDead, signal,',
        put: 'this.parts.alone.run(false, signal,',
      },
    ],
    spec: CRASHES,
    test: 'run one by one, with nothing beside them',
  },
  {
    name: 'call: a process that ends again and again by one call is not noticed',
    patches: [
      {
        file: WORK,
        find: '    if (call.crashes > this.type.maxAttempts) return this.poison(call);\n',
        put: '',
      },
    ],
    spec: CRASHES,
    test: 'is not run at all if it has ended one process after another',
  },
  {
    name: 'call: a cancellation does not wait for the external id',
    patches: [
      {
        file: 'src/calls/call-changes.ts',
        find: "const isFree = call.status === 'requested' && call.ownerToken === null && !call.isUnknown;",
        put: "const isFree = call.status === 'requested';",
      },
    ],
    spec: CHANGES,
    test: 'that is cancelled while it is started',
  },
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these are pieces of source.
