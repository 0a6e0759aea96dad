import { AsyncLocalStorage } from 'node:async_hooks';

/** An event that was published in a transaction of ours and waits for its commit to be signalled. */
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

/** The part of a handled event that events published by its handler inherit from. */
export interface HandledEvent {
  readonly outboxEventId: string;
  readonly metadata: { readonly correlationId?: unknown; readonly tenantId?: unknown };
}

/** A handler at work. */
export interface HandlerScope {
  readonly consumerName: string;
  /** Absent in a batch handler: what it publishes has no single cause. */
  readonly event?: HandledEvent | undefined;
}

/**
 * A transaction that this package opened: by `integrationApi.transaction`, or around a transactional handler.
 */
export interface TransactionScope {
  readonly openedBy: 'transaction' | 'handler';
  /** The client that must be given as `persistenceClient` to take part. */
  readonly client: object;
  /** What was published in it, for whoever opened it to signal after the commit. */
  readonly published: PublishedRecord[];
  /** The transaction that was open when this one was opened. */
  readonly outer: TransactionScope | undefined;
  /**
   * False once its function has ended: work that it left behind (timers, floating promises) is no part of it.
   */
  open: boolean;
}

/** What surrounds the code that runs now. */
export interface IntegrationContext {
  readonly handler: HandlerScope | undefined;
  readonly transaction: TransactionScope | undefined;
}

const storage = new AsyncLocalStorage<IntegrationContext>();

/** The handler and the transaction that the calling code runs in, as far as this package opened them. */
export function currentContext(): IntegrationContext | undefined {
  return storage.getStore();
}

/** The innermost transaction of ours that is still open around the calling code. */
export function openTransaction(): TransactionScope | undefined {
  let scope = storage.getStore()?.transaction;
  while (scope !== undefined && !scope.open) scope = scope.outer;
  return scope;
}

/** Runs `fn` as the body of a transaction that `integrationApi.transaction` opened. */
export function runInTransactionContext<R>(
  transaction: { readonly client: object; readonly published: PublishedRecord[] },
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
 * Calls a handler that runs in no transaction of ours, and returns what it returns. Nothing of the
 * surrounding context is inherited; nothing is to be closed afterwards, so there is no promise of ours around
 * the handler's.
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

/** One object for the context and its handler: there is one for every event. */
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
 * Runs `fn` as a handler inside the transaction of `client`. Nothing of the surrounding context is inherited.
 * `published` collects what the handler publishes through it; whoever commits it signals those afterwards.
 */
export function runInHandlerContext<R>(
  handler: HandlerScope & { readonly transaction: object; readonly published: PublishedRecord[] },
  fn: () => Promise<R>,
): Promise<R> {
  const { consumerName, event, transaction: client, published } = handler;
  const scope: TransactionScope = { openedBy: 'handler', client, published, outer: undefined, open: true };
  return runAndClose({ handler: { consumerName, event }, transaction: scope }, scope, fn);
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
