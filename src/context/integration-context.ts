import { AsyncLocalStorage } from 'node:async_hooks';
import { IntegrationError } from '../errors.js';

/** An event that was published in a transaction of this package. Its commit has not been signalled yet. */
export interface PublishedRecord {
  readonly eventName: string;
  readonly position: number;
}

/** The names of published events, each once. */
export function namesOf(published: readonly PublishedRecord[]): string[] {
  const [first] = published;
  if (first !== undefined && published.length === 1) return [first.eventName];
  return [...new Set(published.map((record) => record.eventName))];
}

/** The part of a handled event that the events inherit which its handler publishes. */
export interface HandledEvent {
  readonly outboxEventId: string;
  readonly metadata: {
    readonly correlationId?: unknown;
    readonly tenantId?: unknown;
    readonly origin?: unknown;
  };
}

/** The handler that is running. */
export interface HandlerScope {
  readonly consumerName: string;
  /** Absent in a batch handler, because an event that it publishes has no single cause. */
  readonly event?: HandledEvent | undefined;
  /**
   * The row that only the transaction of a rehearsal sees. Absent in a delivery. What the package writes in a
   * rehearsal has to be in that transaction.
   */
  readonly fence?: string | undefined;
}

/**
 * A transaction that this package opened, either by `integrationApi.transaction` or around a transactional
 * handler.
 */
export interface TransactionScope {
  readonly openedBy: 'transaction' | 'handler';
  /** The name of the engine that opened it. No other engine of the application takes part in it. */
  readonly engine: string;
  /** The client that a caller gives as `persistenceClient` to take part in the transaction. */
  readonly client: object;
  /**
   * The events that were published in it. The code that opened the transaction signals them after the commit.
   */
  readonly published: PublishedRecord[];
  /** The transaction that was open when this one was opened. */
  readonly outer: TransactionScope | undefined;
  /**
   * False once the function of the transaction has ended. Work that the function left behind, such as timers
   * and floating promises, is not part of the transaction.
   */
  open: boolean;
}

/** What surrounds the code that runs now. */
export interface IntegrationContext {
  readonly handler: HandlerScope | undefined;
  readonly transaction: TransactionScope | undefined;
}

const storage = new AsyncLocalStorage<IntegrationContext>();

/** The handler and the transaction around the calling code, if this package opened them. */
export function currentContext(): IntegrationContext | undefined {
  return storage.getStore();
}

/** The fence of the rehearsal around the calling code. Undefined where nothing is rehearsed. */
export function currentFence(): string | undefined {
  return storage.getStore()?.handler?.fence;
}

/** The innermost open transaction of this package around the calling code: of any engine, or of one. */
export function openTransaction(engine?: string): TransactionScope | undefined {
  let scope = storage.getStore()?.transaction;
  while (scope !== undefined && !(scope.open && (engine === undefined || scope.engine === engine)))
    scope = scope.outer;
  return scope;
}

/** The open transaction of this package around the calling code that has this client. */
export function openTransactionOf(
  client: unknown,
  innermost = openTransaction(),
): TransactionScope | undefined {
  for (let scope = innermost; scope !== undefined; scope = scope.outer)
    if (scope.open && scope.client === client) return scope;
  return undefined;
}

/**
 * Refuses the client of a transaction that another engine of the application opened: the statement would be
 * sent to that engine's database.
 *
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID
 */
export function refuseClientOfOther(client: unknown, engine: string): void {
  if (client === undefined) return;
  const scope = openTransactionOf(client);
  if (scope !== undefined && scope.engine !== engine) throw clientOfOther(scope.engine, engine);
}

export function clientOfOther(other: string, engine: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    `persistenceClient is a transaction of the integration "${other}", and the service that was called belongs to "${engine}", which has a database of its own. Pass a transaction of "${engine}", or call the service of "${other}" instead. One transaction cannot span two databases: to have both written, publish in one of them, and let a subscriber of it write to the other`,
    { integration: engine, transactionOf: other },
  );
}

/** Runs `fn` as the body of a transaction that `integrationApi.transaction` opened. */
export function runInTransactionContext<R>(
  transaction: Pick<TransactionScope, 'engine' | 'client' | 'published'>,
  fn: () => Promise<R>,
): Promise<R> {
  const scope: TransactionScope = {
    ...transaction,
    openedBy: 'transaction',
    outer: openTransaction(),
    open: true,
  };
  return runAndClose({ handler: storage.getStore()?.handler, transaction: scope }, scope, fn);
}

/**
 * Calls a handler outside any transaction of this package, and returns what it returns. The handler inherits
 * nothing of the surrounding context. Nothing needs to be closed afterwards, so no further promise wraps the
 * handler's.
 */
export function runHandler<Input, Context, R>(
  consumerName: string,
  event: HandledEvent | undefined,
  handler: (input: Input, context: Context) => R,
  input: Input,
  context: Context,
): R {
  return storage.run(new PlainHandlerContext(consumerName, event), handler, input, context);
}

/** One object is both the context and its handler, because one is made for every event. */
class PlainHandlerContext implements IntegrationContext, HandlerScope {
  readonly transaction = undefined;

  constructor(
    readonly consumerName: string,
    readonly event: HandledEvent | undefined,
  ) {}

  get handler(): HandlerScope {
    return this;
  }
}

/**
 * Runs `fn` as a handler inside the transaction of `client`. The handler inherits nothing of the surrounding
 * context. `published` collects the events that the handler publishes in the transaction. Whoever commits it
 * signals them afterwards.
 */
export function runInHandlerContext<R>(
  handler: HandlerScope & Pick<TransactionScope, 'engine' | 'published'> & { readonly transaction: object },
  fn: () => Promise<R>,
): Promise<R> {
  const { consumerName, event, fence, engine, transaction: client, published } = handler;
  const scope: TransactionScope = {
    openedBy: 'handler',
    engine,
    client,
    published,
    outer: undefined,
    open: true,
  };
  return runAndClose({ handler: { consumerName, event, fence }, transaction: scope }, scope, fn);
}

async function runAndClose<R>(
  context: IntegrationContext,
  scope: TransactionScope,
  fn: () => Promise<R>,
): Promise<R> {
  try {
    return await storage.run(context, fn);
  } finally {
    scope.open = false;
  }
}
