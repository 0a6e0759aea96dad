import type { SpecMutant } from './spec-mutants.js';

const CONFORMANCE = 'test/clients/conformance.spec.ts';
const POOLS = 'test/clients/exhausted-pools.spec.ts';
const WEDGED = 'test/clients/wedged-pools.spec.ts';
const POSTGRES_JS = 'test/clients/postgres-js.spec.ts';
const GUARD = 'src/clients/postgres-js-transactions.ts';
const REFUSED = 'the root, a transaction that has ended, and a foreign one are refused';
const DELIVERED = 'what integrationApi.transaction published is delivered';

/** Wrong turns in the adapters of libraries. */
export const clientMutants: readonly SpecMutant[] = [
  {
    name: 'adapter: the guarded client of a transaction stands for the client behind it',
    patches: [
      {
        file: 'src/clients/guarded-client.ts',
        find: '{ query, release, valueOf: () => guarded }',
        put: '{ query, release }',
      },
    ],
    spec: CONFORMANCE,
    test: 'node-postgres a transaction that has ended publishes nothing in the next one on its connection',
  },
  {
    name: 'pool: a transaction that was given up waits for its handler',
    patches: [
      {
        file: 'src/delivery/execution/transaction-run.ts',
        find: '    this.leaveHandler();\n',
        put: '',
      },
    ],
    spec: WEDGED,
    test: 'node-postgres and wait for more do not hold up a stop, nor the end of the pool',
  },
  {
    name: 'pool: what a handler sends after its transaction was given up is not refused',
    patches: [
      {
        file: 'src/database/clients/statement-gate.ts',
        find: '    return this.refusal;\n  }\n\n  /** Sends',
        put: '    return undefined;\n  }\n\n  /** Sends',
      },
    ],
    spec: WEDGED,
    test: 'TypeORM and wait for more give it back at their deadline (a pool of 1)',
  },
  {
    name: 'adapter: each look at a transaction gives another object',
    patches: [
      {
        file: 'src/database/clients/adapted-client.ts',
        find: 'return #adapter in client ? client.native : client;',
        put: 'return #adapter in client ? Object.create(client.native) : client;',
      },
    ],
    spec: CONFORMANCE,
    test: `Knex ${DELIVERED}`,
  },
  {
    name: 'adapter: an ended transaction of TypeORM is called open',
    patches: [
      {
        file: 'src/clients/typeorm.ts',
        find: "if (gates.isClosed(value) || !runner.isTransactionActive || runner.isReleased) return 'ended';",
        put: "return 'open';",
      },
    ],
    spec: CONFORMANCE,
    test: `TypeORM ${REFUSED}`,
  },
  {
    name: 'adapter: an ended transaction of Sequelize is called open',
    patches: [
      {
        file: 'src/clients/sequelize.ts',
        find: "if (finished !== undefined || connection === undefined) return 'ended';",
        put: "if (finished !== undefined || connection === undefined) return 'open';",
      },
    ],
    spec: CONFORMANCE,
    test: `Sequelize ${REFUSED}`,
  },
  {
    name: 'adapter: a transaction of another data source is taken',
    patches: [
      {
        file: 'src/clients/kysely.ts',
        find: "if (value.getExecutor().adapter !== adapter) return 'foreign';",
        put: '',
      },
    ],
    spec: CONFORMANCE,
    test: `Kysely ${REFUSED}`,
  },
  {
    name: 'adapter: a question mark of Knex is not escaped',
    patches: [
      {
        file: 'src/clients/knex.ts',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: this is a piece of source.
        find: 'if (place === undefined) return `\\\\${found}`;',
        put: 'if (place === undefined) return found;',
      },
    ],
    spec: CONFORMANCE,
    test: 'Knex a statement arrives as it was written',
  },
  {
    name: 'adapter: the SQLSTATE of Sequelize is lost',
    patches: [
      {
        file: 'src/database/connection/error-fields.ts',
        find: 'fields.cause, fields.driverError, fields.original];',
        put: 'fields.cause, fields.driverError];',
      },
    ],
    spec: CONFORMANCE,
    test: 'Sequelize keeps the contract of a client',
  },
  {
    name: 'adapter: a pool of Knex without a connection is the fault of the event',
    patches: [
      {
        file: 'src/delivery/execution/library-outage.ts',
        find: 'return message.startsWith(POOL_OF_KNEX) || LOST_BY_KNEX.test(message);',
        put: 'return LOST_BY_KNEX.test(message);',
      },
    ],
    spec: POOLS,
    test: 'a pool of Knex whose connections are all in use is an outage for a handler whose own code needs one for a statement',
  },
  {
    name: 'postgres.js: the end of a function is passed on after a loss',
    patches: [{ file: GUARD, find: "if (this.state === 'lost') await NEVER;", put: '' }],
    spec: POSTGRES_JS,
    test: 'sends nothing any more, whatever its function does next: after the socket has closed',
  },
  {
    name: 'postgres.js: the statements of a transaction are not listened to',
    patches: [
      {
        file: GUARD,
        find: 'if (isOfPostgres(error) && endsSession(error)) this.lose();',
        put: 'endsSession(error);',
      },
    ],
    spec: POSTGRES_JS,
    test: 'leaves its connection usable, and its statements are refused, at whatever moment it is lost',
  },
  {
    name: 'postgres.js: a transaction that has ended sends statements',
    patches: [
      { file: GUARD, find: "if (this.state === 'ended') throw this.refusal ?? transactionEnded();", put: '' },
    ],
    spec: POSTGRES_JS,
    test: 'refuses a statement that comes after its end',
  },
  {
    name: 'postgres.js: the error of another socket is a lost session',
    patches: [
      {
        file: GUARD,
        find: 'session.hear(begun, (error) => error !== ofFunction);',
        put: 'session.hear(begun);',
      },
    ],
    spec: POSTGRES_JS,
    test: 'rejects with the error of its function, also one of another socket',
  },
];
