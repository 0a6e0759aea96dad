import type { SpecMutant } from './spec-mutants.js';

const STORE = 'src/sagas/saga.store.ts';
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
        file: STORE,
        find: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))::text AS locked',
        put: 'SELECT hashtextextended($1, 0)::text AS locked',
      },
    ],
    spec: RACES,
    test: 'a step waits for the start that runs',
  },
  {
    name: 'saga: lock and look in one statement',
    patches: [
      {
        file: STORE,
        find: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))::text AS locked',
        put: 'SELECT hashtextextended($1, 0)::text AS locked',
      },
      {
        file: STORE,
        find: 'FROM ${this.instance} i WHERE i.saga = $1 AND i.key = $2 FOR UPDATE`,\n      saga,\n      key,',
        put: 'FROM (SELECT pg_advisory_xact_lock(hashtextextended($3, 0))::text) AS l (locked) JOIN ${this.instance} i ON l.locked IS NOT NULL WHERE i.saga = $1 AND i.key = $2`,\n      saga,\n      key,\n      JSON.stringify([this.schema, saga, key]),',
      },
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
        file: STORE,
        find: 'WHERE saga = $1 AND key = $2 AND ${TRANSACTION_START} = $3 RETURNING id`,\n      [saga, key, start, ...columnsOf(row',
        put: 'WHERE saga = $1 AND key = $2 AND $3::text IS NOT NULL RETURNING id`,\n      [saga, key, start, ...columnsOf(row',
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
