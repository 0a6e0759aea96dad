import type { SpecMutant } from './spec-mutants.js';

const FUNCTIONS = 'prisma/migrations/20261129160000_saga_functions/migration.sql';
const TURN = 'src/sagas/saga-turn.ts';
const CONSUMER = 'src/sagas/saga-consumer.ts';
const RUNNING = 'src/sagas/running-saga.ts';
const RACES = 'test/sagas/races.spec.ts';
const TIMEOUTS = 'test/sagas/timeouts.spec.ts';
const TRANSACTIONS = 'test/sagas/transactions.spec.ts';
const EARLY = 'test/sagas/early.spec.ts';

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are pieces of source.
/** Wrong turns in sagas. */
export const sagaMutants: readonly SpecMutant[] = [
  {
    name: 'saga: no lock',
    patches: [
      {
        file: FUNCTIONS,
        find: 'PERFORM pg_advisory_xact_lock(hashtextextended("lock_name", 0));',
        put: 'PERFORM hashtextextended("lock_name", 0);',
      },
    ],
    spec: RACES,
    test: 'a step waits for the start that runs',
  },
  {
    name: 'saga: lock and look in one statement',
    patches: [
      {
        file: FUNCTIONS,
        find: 'PERFORM pg_advisory_xact_lock(hashtextextended("lock_name", 0));',
        put: '',
      },
      {
        file: FUNCTIONS,
        find: 'SELECT to_json(i) INTO "instance" FROM "integration"."saga_instance" i\n    WHERE i."saga" = "saga_name" AND i."key" = "saga_key" FOR UPDATE;',
        put: 'SELECT to_json(i) INTO "instance" FROM (SELECT pg_advisory_xact_lock(hashtextextended("lock_name", 0))::text) AS l (locked)\n    LEFT JOIN "integration"."saga_instance" i ON i."saga" = "saga_name" AND i."key" = "saga_key" AND l.locked IS NOT NULL;',
      },
    ],
    spec: RACES,
    test: 'a step waits for the start that runs',
  },
  {
    name: 'saga: a function that looks with the snapshot of its call',
    patches: [
      {
        file: FUNCTIONS,
        find: 'OUT "start" text, OUT "instance" text, OUT "waiting" text\n) LANGUAGE plpgsql VOLATILE AS $$',
        put: 'OUT "start" text, OUT "instance" text, OUT "waiting" text\n) LANGUAGE plpgsql STABLE AS $$',
      },
      { file: FUNCTIONS, find: ' AND i."key" = "saga_key" FOR UPDATE;', put: ' AND i."key" = "saga_key";' },
    ],
    spec: RACES,
    test: 'a step waits for the start that runs',
  },
  {
    name: 'saga: a timeout without a token',
    patches: [{ file: CONSUMER, find: 'set === undefined || set.token !== token', put: 'set === undefined' }],
    spec: TIMEOUTS,
    test: 'that is due while a step sets it again',
  },
  {
    name: 'saga: an undo before the commit',
    patches: [
      {
        file: RUNNING,
        find: 'await this.parts.writer.write(this.parts.client, undoing(await this.parts.undo.all()));',
        put: 'for (const each of undoing(await this.parts.undo.all())) await this.parts.publisher.publishEvent(each, { outsideTransaction: true });',
      },
    ],
    spec: TRANSACTIONS,
    test: 'also if it is cut off after-handler',
  },
  {
    name: 'saga: an undo in the order in which it was remembered',
    patches: [{ file: 'src/sagas/undo-list.ts', find: '.reverse() as', put: '.slice() as' }],
    spec: TRANSACTIONS,
    test: 'has the events of an undo by hand',
  },
  {
    name: 'saga: the events of an undo pass their contracts when they are published',
    patches: [
      {
        file: RUNNING,
        find: 'await this.parts.writer.write(this.parts.client, undoing(await this.parts.undo.all()));',
        put: 'for (const each of undoing(await this.parts.undo.all())) await this.parts.publisher.publishEvent(each, { persistenceClient: this.transaction });',
      },
    ],
    spec: 'test/sagas/contracts.spec.ts',
    test: 'before the contract had another version',
  },
  {
    name: 'saga: an undo remembers what its contract refuses',
    patches: [
      {
        file: 'src/sagas/undo-list.ts',
        find: '(await publishing?.(given, (i) => `onUndo[${i}].`)) ?? given',
        put: 'publishing === undefined ? given : given',
      },
    ],
    spec: 'test/sagas/contracts.spec.ts',
    test: 'is refused where it is remembered',
  },
  {
    name: 'saga: a step is written behind the end of its transaction',
    patches: [
      {
        file: FUNCTIONS,
        find: 'saved uuid;\nBEGIN\n  IF row->>2 <> (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint::text THEN RETURN NULL; END IF;',
        put: 'saved uuid;\nBEGIN',
      },
    ],
    spec: TRANSACTIONS,
    test: 'that its handler ends by COMMIT',
  },
  {
    name: 'saga: a step that is reached releases nothing',
    patches: [
      {
        file: TURN,
        find: 'await this.publishOwn(running, found.hasWaiting && found.step !== running.step);',
        put: 'await this.publishOwn(running, false);',
      },
    ],
    spec: EARLY,
    test: 'waits in other aggregates',
  },
  {
    name: 'saga: a replay does a step again',
    patches: [{ file: CONSUMER, find: 'isRepeated && (await turn.wasHandled(cause))', put: 'false' }],
    spec: TRANSACTIONS,
    test: 'a replay does nothing again',
  },
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these are pieces of source.
