import { readFile } from 'node:fs';
import { promisify, types } from 'node:util';
import { isConnectionLoss, sqlStateOf } from '../database/connection/connection-loss.js';
import { UnusableConnection } from '../database/wire/unusable-connection.js';
import { IntegrationError } from '../errors.js';

/*
 * postgres.js 3.4.9 goes on with a transaction whose session is lost. It sends the ROLLBACK of `begin`, and
 * every further statement of the transaction, through the object of the connection that was lost. If that has
 * no socket, this is a TypeError in a callback, which ends the process. If its socket is about to close, the
 * object is unusable from then on. If it is connected again, the statement runs in the session of somebody
 * else. The last also holds for a statement that comes after the end of its transaction.
 *
 * So nothing may be sent through a transaction that has ended:
 *
 *   - The function of a transaction gets a proxy. The proxy refuses statements once the transaction has
 *     ended. It gives a proxy of the same kind to the functions of savepoints.
 *   - The loss is known in two ways, whichever comes first. A statement of the transaction is rejected with
 *     an error of the socket, or with a FATAL one of the server. The proxy hears of it before the caller
 *     does, because it listens first. Or the socket closes between two statements. Then `begin` rejects,
 *     although the function still runs.
 *   - postgres.js sends a statement when somebody first waits for it. This may be long after the statement
 *     was made. So the proxy looks at both moments.
 *   - `begin` rejects three microtasks after the socket has closed. Somebody else's microtask may send a
 *     statement in between. So each statement waits for a few microtasks, and the proxy looks then. No
 *     socket closes between two microtasks, and postgres.js writes without going back to the event loop. So
 *     what is known then still holds when postgres.js writes.
 *   - If the session is lost, the end of the function is not passed on to postgres.js. It waits for that end
 *     for ever, and sends neither COMMIT nor ROLLBACK. The server has rolled back.
 *   - Everything that is sent waits for the same number of microtasks, so the order of statements stays.
 *
 * `sql.reserve()` with BEGIN and COMMIT of our own does not help. It does not tell that the session is lost,
 * and when a lost connection is released, postgres.js takes it for an open one.
 */

/** What begins a transaction: the `sql` that `postgres(…)` returned. */
export interface Beginning {
  begin(options: string, fn: (sql: TransactionSql) => Promise<unknown>): Promise<unknown>;
}

/** The part of a transaction that is used here. */
interface TransactionSql {
  (...args: unknown[]): unknown;
  unsafe(...args: unknown[]): unknown;
  file(...args: unknown[]): unknown;
  savepoint(...args: unknown[]): Promise<unknown>;
}

/** Makes a statement, or whatever else the `sql` of a transaction makes. */
type Make = (...args: unknown[]) => unknown;

/** The part of a statement of postgres.js that is used here. */
interface Statement extends Promise<unknown> {
  strings: string[];
  /** Sends the statement. It is called when somebody first waits for the statement. */
  handler: Handler;
  readonly reject: (error: unknown) => void;
}

type Handler = ((statement: Statement) => unknown) & { debug?: unknown };

/**
 * How many microtasks pass until the close of a socket is known for certain. postgres.js 3.4.9 needs three of
 * them. The others are to spare.
 */
const MICROTASKS_UNTIL_KNOWN = 10;
const NEVER = new Promise<never>(() => {});
const NO_ERROR = Symbol('no error');

/** Whether statements of a transaction may be sent. */
class Session {
  state: 'open' | 'ended' | 'lost' = 'open';
  /** The error of statements that come after the end. */
  private refusal: Error | undefined;
  private refuse: (error: Error) => void = () => {};
  /** Rejects when the session is lost. Never resolves. */
  readonly loss = new Promise<never>((_, reject) => {
    this.refuse = reject;
  });

  constructor() {
    this.loss.catch(() => {});
  }

  end(): void {
    if (this.state === 'open') this.state = 'ended';
  }

  /** No statement is sent any more, although the function still runs. */
  close(refusal: Error): void {
    this.refusal ??= refusal;
    this.end();
  }

  lose(): void {
    this.state = 'lost';
    this.refuse(sessionLost());
  }

  requireOpen(): void {
    this.requireSession();
    if (this.state === 'ended') throw this.refusal ?? transactionEnded();
  }

  requireSession(): void {
    if (this.state === 'lost') throw sessionLost();
  }

  /**
   * Makes statements that are sent only in an open transaction, and that tell when its session is lost.
   * `handlerOf` gives a statement the handler that looks and then sends it.
   */
  guard(
    make: Make,
    handlerOf = (statement: Statement, _: unknown[]) => this.sending(statement.handler),
  ): Make {
    return (...args) => {
      this.requireOpen();
      const made = make(...args);
      if (!types.isPromise(made)) return made;
      this.hear(made);
      const statement = made as Statement;
      statement.handler = handlerOf(statement, args);
      return statement;
    };
  }

  /** Sends with `send` if the transaction is open then. Before it looks, it completes the statement. */
  sending(send: Handler, complete?: (statement: Statement) => Promise<void>): Handler {
    const handler = async (statement: Statement) => {
      try {
        if (complete !== undefined) await complete(statement);
        this.requireOpen();
        await closingIsKnown();
        this.requireSession();
      } catch (error) {
        return statement.reject(error);
      }
      send(statement);
    };
    return Object.assign(handler, { debug: send.debug });
  }

  /**
   * Finds out whether a statement or a savepoint fails because the session is lost. It knows before the
   * caller does, because it listens first.
   */
  hear(work: Promise<unknown>, isOfPostgres: (error: unknown) => boolean = () => true): void {
    // A statement is sent when its own `then` is called, and not by that of its base class.
    Promise.prototype.then.call(work, undefined, (error) => {
      if (isOfPostgres(error) && endsSession(error)) this.lose();
    });
  }

  /** Settles as `work` does. Never settles if the session is lost. */
  async endOf(work: Promise<unknown>): Promise<unknown> {
    try {
      return await work;
    } finally {
      await closingIsKnown();
      if (this.state === 'lost') await NEVER;
    }
  }

  /** Ends the transaction once `work` has settled. What is about to be sent by then is sent before. */
  async endAfter(work: Promise<unknown>): Promise<unknown> {
    const sent = work.finally(async () => {
      await closingIsKnown();
      this.end();
    });
    return this.endOf(sent);
  }
}

/** The transactions of one instance of postgres.js that the engine begins. */
export class PostgresJsTransactions {
  private readonly sessions = new WeakMap<object, Session>();

  constructor(private readonly sql: Beginning) {}

  hasEnded(transaction: object): boolean {
    const session = this.sessions.get(transaction);
    return session !== undefined && session.state !== 'open';
  }

  /** Refuses what the function of a transaction still sends. What was sent before is answered. */
  refuse(transaction: object, error: Error): void {
    this.sessions.get(transaction)?.close(error);
  }

  /** Settles as `answer` does, and rejects if the session of its transaction is lost before. */
  whileOpen<T>(transaction: object | undefined, answer: PromiseLike<T>): PromiseLike<T> {
    const session = transaction && this.sessions.get(transaction);
    return session === undefined ? answer : Promise.race([answer, session.loss]);
  }

  /** Settles after `fn` has settled, also if the session is lost before. */
  async run<R>(fn: (tx: never) => Promise<R>): Promise<R> {
    const session = new Session();
    let work: Promise<unknown> | undefined;
    let isPassedOn = false;
    try {
      return (await this.sql.begin('ISOLATION LEVEL READ COMMITTED', async (sql) => {
        work = fn(this.guarded(sql, session) as never);
        return session.endAfter(work).finally(() => {
          isPassedOn = true;
        });
      })) as R;
    } catch (error) {
      if (!isPassedOn) session.lose();
      await work?.catch(() => {});
      throw error;
    }
  }

  /** Makes the proxy of a transaction or of one of its savepoints. */
  private guarded(sql: TransactionSql, session: Session): TransactionSql {
    const savepoint: Make = (...args) => {
      session.requireOpen();
      const part = args.at(-1) as (sql: TransactionSql) => unknown;
      let ofFunction: unknown = NO_ERROR;
      const run = (nested: TransactionSql) =>
        session.endOf(resultOf(part(this.guarded(nested, session)))).catch((error) => {
          ofFunction = error;
          throw error;
        });
      const begun = closingIsKnown().then(() => {
        session.requireSession();
        return sql.savepoint(...args.slice(0, -1), run);
      });
      // The function may have used another server. Then its error says nothing about this session.
      session.hear(begun, (error) => error !== ofFunction);
      return Promise.race([begun, session.loss]);
    };
    const call = session.guard(sql);
    const own: Record<string | symbol, Make> = {
      savepoint,
      unsafe: session.guard(sql.unsafe),
      file: fileOf(sql, session),
    };
    const proxy = new Proxy(sql, {
      apply: (_, __, args) => call(...args),
      get: (target, name) => own[name] ?? Reflect.get(target, name),
    });
    this.sessions.set(proxy, session);
    return proxy;
  }
}

/** Makes statements of files. postgres.js would read the file after the look at the session. */
function fileOf(sql: TransactionSql, session: Session): Make {
  return session.guard(sql.file, (_, [path]) => {
    const { handler } = sql.unsafe('') as Statement;
    return session.sending(handler, async (statement) => {
      statement.strings = [await promisify(readFile)(path as string, 'utf8')];
    });
  });
}

/** Waits until the close of a socket is known, if there was one. */
async function closingIsKnown(): Promise<void> {
  for (let i = 0; i < MICROTASKS_UNTIL_KNOWN; i++) await undefined;
}

/** The function of a savepoint may return a list of statements. */
async function resultOf(result: unknown): Promise<unknown> {
  return Array.isArray(result) ? Promise.all(result) : result;
}

/** Whether the error of a statement says that the socket is gone, or that the server closes it. */
function endsSession(error: unknown): boolean {
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  if (sqlStateOf(error) !== undefined) return severity === 'FATAL' || severity === 'PANIC';
  return isConnectionLoss(error) || (typeof code === 'string' && code.startsWith('ERR_STREAM_'));
}

function sessionLost(): UnusableConnection {
  return new UnusableConnection('connection lost: the session of this transaction has ended');
}

function transactionEnded(): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    'This transaction of postgres.js has ended, and postgres.js would send the statement in the session of somebody else. Wait for all statements of a transaction before it ends',
  );
}
