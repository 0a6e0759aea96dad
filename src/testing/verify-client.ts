import { listChangedValues } from '../database/clients/client-look.store.js';
import type { HostAdapter } from '../database/clients/host-adapter.js';
import { clientFrom } from '../database/clients/host-client.js';
import { isRootClient, isSqlClient, type TransactionalSqlClient } from '../database/clients/sql-client.js';
import { sqlStateOf } from '../database/connection/connection-loss.js';
import { causesOf } from '../database/connection/error-fields.js';
import { answerWithin } from '../database/wire/answer-within.js';
import { messageOf } from '../errors.js';
import {
  failExecution,
  failStatement,
  fateOf,
  makeTable,
  transactionOf,
  writeRows,
  writeTwice,
} from './client-rules.store.js';

/** One rule that a client must or should keep. */
export interface ClientRule {
  /** A stable name in kebab case. */
  readonly name: ClientRuleName;
  /** What a client does that keeps the rule. */
  readonly rule: string;
  /**
   * Without a required rule events are lost, doubled or changed. The guide says what follows from breaking
   * the others.
   */
  readonly required: boolean;
  readonly kept: boolean;
  /** What was seen instead, or undefined if the rule is kept. */
  readonly problem: string | undefined;
}

export interface ClientReport {
  /** Whether every required rule is kept. */
  readonly ok: boolean;
  readonly rules: readonly ClientRule[];
  /** The rules and their results, one on each line, for the message of an assertion. */
  toString(): string;
}

export type ClientRuleName = (typeof RULES)[number]['name'];

const DIVISION_BY_ZERO = '22012';
const UNIQUE_VIOLATION = '23505';
/** The time limit of the transaction that must be cut off, and the time until that must have happened. */
const TIMEOUT_MS = 300;
const CUT_OFF_WITHIN_MS = 10_000;
/** The time limit of each rule. A client that does not answer breaks it. */
const RULE_WITHIN_MS = 20_000;
const THROWN = new Error('thrown by verifyClient on purpose');

/** Resolves to what is wrong, or to undefined. */
type Check = (client: TransactionalSqlClient) => Promise<string | undefined>;

interface Rule {
  readonly name: string;
  readonly rule: string;
  readonly required: boolean;
  readonly check: Check;
}

const RULES = [
  {
    name: 'has-its-functions',
    rule: 'it has $queryRawUnsafe, $executeRawUnsafe and $transaction',
    required: true,
    check: async (client) =>
      isSqlClient(client) && typeof client.$transaction === 'function' ? undefined : 'a function is missing',
  },
  {
    name: 'carries-values',
    rule: 'values of $n parameters arrive as they are, and rows come back as objects by the names of their columns',
    required: true,
    check: async (client) => {
      const changed = await listChangedValues(client);
      return changed.length === 0 ? undefined : `it changed ${changed.join(', ')}`;
    },
  },
  {
    name: 'counts-in-numbers',
    rule: '$executeRawUnsafe resolves to the number of rows, as a number',
    required: true,
    check: (client) =>
      client.$transaction(async (tx) => {
        await makeTable(tx);
        const count = await writeRows(tx, 3);
        return count === 3 ? undefined : `3 rows were written, the answer was ${shown(count)}`;
      }),
  },
  {
    name: 'lets-errors-pass',
    rule: "a statement that fails rejects with the server's error, whose SQLSTATE is in it or in a cause of it",
    required: true,
    check: async (client) =>
      (await problemOfFailing(() => failStatement(client), '$queryRawUnsafe')) ??
      (await problemOfFailing(() => failExecution(client), '$executeRawUnsafe')),
  },
  {
    name: 'runs-one-transaction',
    rule: 'all statements of $transaction(fn) run in one transaction of one session, and those outside of it do not',
    required: true,
    check: (client) =>
      client.$transaction(async (tx) => {
        const [first, second] = [await transactionOf(tx), await transactionOf(tx)];
        if (first.session !== second.session) return 'two statements of it ran in two sessions';
        if (first.xid !== second.xid) return 'two statements of it ran in two transactions';
        const outside = await transactionOf(client);
        return outside.xid === first.xid ? 'a statement of the client itself ran in it as well' : undefined;
      }),
  },
  {
    name: 'is-no-root-inside',
    rule: 'what fn is given is the client of the transaction, not the client itself',
    required: true,
    check: (client) =>
      client.$transaction(async (tx) =>
        (tx as unknown) === client || isRootClient(tx)
          ? 'fn was given a client that can connect: the root'
          : undefined,
      ),
  },
  {
    name: 'reads-committed',
    rule: "$transaction runs at READ COMMITTED when asked for isolationLevel 'ReadCommitted', whatever the session's default",
    required: true,
    check: (client) =>
      client.$transaction(
        async (tx) => {
          const { isolation } = await transactionOf(tx);
          return isolation === 'read committed' ? undefined : `it ran at ${isolation}`;
        },
        { isolationLevel: 'ReadCommitted' },
      ),
  },
  {
    name: 'commits-before-it-resolves',
    rule: '$transaction resolves to what fn returned, once the transaction has committed',
    required: true,
    check: async (client) => {
      let xid = '';
      const returned: unknown = await client.$transaction(async (tx) => {
        xid = (await transactionOf(tx)).xid;
        return THROWN;
      });
      if (returned !== THROWN) return `it resolved to ${shown(returned)} instead of what fn returned`;
      const fate = await fateOf(client, xid);
      return fate === 'committed' ? undefined : `it resolved, and the transaction was ${fate}`;
    },
  },
  {
    name: 'rolls-back-and-rejects',
    rule: 'where fn rejects, $transaction rolls back and rejects with the same error',
    required: true,
    check: async (client) => {
      let xid = '';
      const run = client.$transaction(async (tx) => {
        xid = (await transactionOf(tx)).xid;
        throw THROWN;
      });
      const error = await rejectionOf(run);
      if (error === undefined) return 'it resolved, although fn had rejected';
      if (!isOrCauses(error.reason, THROWN))
        return `it rejected with ${shown(error.reason)} instead of what fn threw`;
      const fate = await fateOf(client, xid);
      return fate === 'aborted' ? undefined : `it rejected, and the transaction was ${fate}`;
    },
  },
  {
    name: 'rejects-a-failed-commit',
    rule: 'where COMMIT itself fails (a deferred constraint), $transaction rejects with the error of the server',
    required: true,
    check: async (client) => {
      const run = client.$transaction(async (tx) => {
        await makeTable(tx);
        await writeTwice(tx);
      });
      const error = await rejectionOf(run);
      if (error === undefined) return 'it resolved, and nothing was committed';
      const state = sqlStateOf(error.reason);
      return state === UNIQUE_VIOLATION
        ? undefined
        : `it rejected without the SQLSTATE of the server (${shown(error.reason)})`;
    },
  },
  {
    name: 'rejects-a-commit-that-rolled-back',
    rule: 'where a statement failed and fn caught the error, the server answers COMMIT with ROLLBACK, and $transaction rejects',
    required: false,
    check: async (client) => {
      const run = client.$transaction(async (tx) => {
        await failStatement(tx).catch(() => {});
      });
      return (await rejectionOf(run)) === undefined ? 'it resolved, and nothing was committed' : undefined;
    },
  },
  {
    name: 'heeds-timeout',
    rule: 'a transaction that takes longer than `timeout` is rolled back and rejects, unless $transactionLimits says that it is not heeded',
    required: true,
    check: async (client) => {
      if (client.$transactionLimits !== undefined && !client.$transactionLimits.includes('timeout'))
        return undefined;
      let xid = '';
      let end = () => {};
      const held = new Promise<void>((resolve) => {
        end = resolve;
      });
      const run = client.$transaction(
        async (tx) => {
          xid = (await transactionOf(tx)).xid;
          await held;
          // Some clients notice with the next statement only that their time limit is exceeded.
          await transactionOf(tx);
        },
        { timeout: TIMEOUT_MS },
      );
      const timer = setTimeout(() => end(), TIMEOUT_MS * 4);
      const error = await rejectionOf(answerWithin(CUT_OFF_WITHIN_MS, run));
      clearTimeout(timer);
      end();
      if (error === undefined)
        return `it resolved after ${TIMEOUT_MS * 4} ms with a timeout of ${TIMEOUT_MS} ms`;
      const fate = await fateOf(client, xid);
      return fate === 'committed' ? 'it rejected, and the transaction was committed' : undefined;
    },
  },
] as const satisfies readonly Rule[];

/**
 * Checks a client against the contract that docs/guide/start/clients.md states, and reports for each rule
 * whether it is kept. It needs a database and leaves nothing in it. It never rejects: a rule whose check
 * fails counts as broken, with the reason.
 *
 * ```ts
 * const report = await verifyClient(client);
 * if (!report.ok) throw new Error(String(report));
 * ```
 */
export async function verifyClient(
  given: TransactionalSqlClient | HostAdapter<object>,
): Promise<ClientReport> {
  const client = clientFrom(given, undefined);
  const rules: ClientRule[] = [];
  // The checks run one after another, because a client may have only one connection. One rule needs two.
  for (const { check, ...rule } of RULES) {
    const checking = Promise.resolve().then(() => check(client));
    const problem = await answerWithin(RULE_WITHIN_MS, checking).catch(
      (error: unknown) => `its check failed: ${messageOf(error)}`,
    );
    rules.push({ ...rule, kept: problem === undefined, problem });
  }
  return {
    ok: rules.every(({ kept, required }) => kept || !required),
    rules,
    toString: () => rules.map(lineOf).join('\n'),
  };
}

function lineOf({ name, rule, required, kept, problem }: ClientRule): string {
  if (kept) return `kept    ${name}`;
  return `BROKEN  ${name}${required ? '' : ' (not required)'}: ${rule}; ${problem}`;
}

async function problemOfFailing(run: () => PromiseLike<unknown>, what: string): Promise<string | undefined> {
  const error = await rejectionOf(Promise.resolve().then(run));
  if (error === undefined) return `${what} resolved, although its statement had failed`;
  return sqlStateOf(error.reason) === DIVISION_BY_ZERO
    ? undefined
    : `${what} rejected without the SQLSTATE of the server (${shown(error.reason)})`;
}

async function rejectionOf(run: Promise<unknown>): Promise<{ reason: unknown } | undefined> {
  return run.then(
    () => undefined,
    (reason: unknown) => ({ reason }),
  );
}

function isOrCauses(error: unknown, wanted: Error): boolean {
  return causesOf(error).includes(wanted);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `the text ${JSON.stringify(value)}`;
  return value instanceof Error ? messageOf(value) : String(value);
}
