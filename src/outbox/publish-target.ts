import {
  clientOfOther,
  openTransaction,
  openTransactionOf,
  type TransactionScope,
} from '../context/integration-context.js';
import { AdaptedClient } from '../database/clients/adapted-client.js';
import type { AmbientTransaction, HostClient } from '../database/clients/host-client.js';
import { isRootClient, isSqlClient, type SqlClient, standsFor } from '../database/clients/sql-client.js';
import { IntegrationError } from '../errors.js';
import { problemsOfUnknownNames } from '../words/known-names.js';
import { OPTIONS_OF_PUBLISHING, type PublishOptions } from './publish-options.js';

/** The client to write through, and the kind of its transaction, which decides who reports the commit. */
export type PublishTarget =
  | { readonly kind: 'own-statement'; readonly client: SqlClient }
  | { readonly kind: 'our-transaction'; readonly client: SqlClient; readonly scope: TransactionScope }
  | { readonly kind: 'foreign-transaction'; readonly client: SqlClient };

const INTERACTIVE =
  'Use prisma.$transaction(async (tx) => { … persistenceClient: tx … }). The array form, $transaction([…]), cannot publish: it offers no client of the transaction';

/**
 * Decides where an event is published.
 *
 * @param known The names that the options may have.
 * @throws IntegrationError INTEGRATION_CLIENT_IS_ROOT, INTEGRATION_CLIENT_INVALID,
 * INTEGRATION_TRANSACTION_FORGOTTEN, or INTEGRATION_EVENT_INVALID for an option that is not known.
 */
export function choosePublishTarget(
  options: PublishOptions | undefined,
  host: HostClient,
  known: ReadonlySet<string> = OPTIONS_OF_PUBLISHING,
): PublishTarget {
  const given = options?.persistenceClient;
  const hostClient = host.client;
  const adapted = AdaptedClient.of(hostClient);
  if (given === undefined && options !== undefined) refuseMisplacedClient(options, adapted);
  for (const name in options) if (!known.has(name)) refuseUnknownOptions(options, known);
  if (given === undefined) {
    if (options?.outsideTransaction === true) return { kind: 'own-statement', client: hostClient };
    const scope = openTransaction(host.engine);
    if (scope !== undefined) throw forgotten(scope);
    const ambient = host.ambient && ambientTransaction(host.ambient, adapted);
    return ambient ?? { kind: 'own-statement', client: hostClient };
  }
  const innermost = openTransaction();
  const scope =
    innermost && (openTransactionOf(given, innermost) ?? openTransactionOf(standsFor(given), innermost));
  if (scope !== undefined && scope.engine !== host.engine) throw clientOfOther(scope.engine, host.engine);
  const client = adapted?.open(given) ?? given;
  if (!canQuery(client)) {
    if (adapted !== undefined) throw adapted.refusal();
    throw new IntegrationError(
      'INTEGRATION_CLIENT_INVALID',
      `persistenceClient is not a client: it needs the functions $queryRawUnsafe and $executeRawUnsafe. ${INTERACTIVE}`,
    );
  }
  if (scope !== undefined) return { kind: 'our-transaction', client, scope };
  if (isRoot(client, hostClient)) {
    throw new IntegrationError(
      'INTEGRATION_CLIENT_IS_ROOT',
      `persistenceClient is the root client, so the event would not be part of any transaction. ${INTERACTIVE}. To publish without a transaction, leave persistenceClient out`,
    );
  }
  return { kind: 'foreign-transaction', client };
}

/** Host clients that are told from their transactions without help, because they have `$connect`. */
const connecting = new WeakSet<object>();

function isRoot(client: SqlClient, hostClient: SqlClient): boolean {
  if (isRootClient(client)) return true;
  if (connecting.has(hostClient)) return false;
  // The answer for a host client is remembered and not asked for again: if the client is a transaction proxy,
  // it may stand for a transaction at another time.
  if ('$connect' in hostClient) {
    connecting.add(hostClient);
    return false;
  }
  return client === hostClient || standsFor(client) === hostClient;
}

/**
 * Checks `$queryRawUnsafe` only, because publishing needs no other function. Each property of a Prisma client
 * goes through several proxies, which takes more time than a dozen checks of the event.
 */
function canQuery(client: unknown): client is SqlClient {
  return (
    typeof client === 'object' &&
    client !== null &&
    typeof (client as Partial<SqlClient>).$queryRawUnsafe === 'function'
  );
}

/**
 * Without this check, `publishEvent(event, tx)` and `publishEvent(event, { tx })` would silently publish
 * outside the transaction.
 */
function refuseMisplacedClient(options: object, adapted: AdaptedClient | undefined): void {
  const isClient = (value: unknown) =>
    isSqlClient(value) || (adapted !== undefined && adapted.stateOf(value) !== 'foreign');
  if (isClient(options)) throw misplaced('The options are a client.');
  for (const [name, value] of Object.entries(options)) {
    if (isClient(value))
      throw misplaced(`The option ${JSON.stringify(name)} holds a client, but is not known.`);
  }
}

function refuseUnknownOptions(options: object, known: ReadonlySet<string>): void {
  const problems = problemsOfUnknownNames(options, { known: [...known], kind: 'an option of publishing' });
  if (problems.length === 0) return;
  throw new IntegrationError(
    'INTEGRATION_EVENT_INVALID',
    `The event cannot be published: ${problems.join('; ')}. What belongs to the event is given in the event itself`,
    { problems },
  );
}

function misplaced(what: string): IntegrationError {
  return new IntegrationError('INTEGRATION_CLIENT_INVALID', `${what} Pass it as { persistenceClient: tx }`);
}

/**
 * The transaction that a library of the host keeps around the calling code. Work may go on after the
 * transaction in which it was started has ended. To such work a library still gives this transaction.
 */
function ambientTransaction(
  { current, joins }: AmbientTransaction,
  adapted: AdaptedClient | undefined,
): PublishTarget | undefined {
  const transaction = current();
  if (transaction === undefined || transaction === null) return undefined;
  const state = adapted?.stateOf(transaction) ?? stateOfSqlClient(transaction);
  if (state === 'ended' || (state === 'open' && !joins)) throw forgottenAmbient(state);
  if (state !== 'open') return undefined;
  const client = adapted?.open(transaction) ?? (transaction as SqlClient);
  return { kind: 'foreign-transaction', client };
}

function stateOfSqlClient(transaction: object): 'open' | 'root' | 'foreign' {
  if (!canQuery(transaction)) return 'foreign';
  return isRootClient(transaction) ? 'root' : 'open';
}

function forgottenAmbient(state: 'open' | 'ended'): IntegrationError {
  const what =
    state === 'ended'
      ? 'after the ambient transaction has ended: the work was left behind, and waits for nobody. Await it inside the transaction'
      : "inside an ambient transaction: the event would stay even if the transaction rolled back. Pass it as persistenceClient, or give IntegrationModule the option ambientPublishing: 'join'";
  return new IntegrationError(
    'INTEGRATION_TRANSACTION_FORGOTTEN',
    `Publishing without persistenceClient ${what}. Pass { outsideTransaction: true } if an event outside of it is meant`,
  );
}

function forgotten(scope: TransactionScope): IntegrationError {
  const where = scope.openedBy === 'handler' ? 'a transactional handler' : 'integrationApi.transaction(…)';
  const tx = scope.openedBy === 'handler' ? 'context.transaction' : 'tx';
  return new IntegrationError(
    'INTEGRATION_TRANSACTION_FORGOTTEN',
    `Publishing inside ${where} without persistenceClient: the event would stay even if the transaction rolled back. Pass { persistenceClient: ${tx} }, or { outsideTransaction: true } if this is meant`,
  );
}
