import { AUTHOR_FIELDS, type Author, authorOf, type ChangeAuthor } from '../../audit/change-author.js';
import { UuidV7Generator } from '../../events/uuid-v7.js';
import type { SecretView } from '../../secrets/secret.service.js';
import { checkChoice, checkNames, checkText, checkUuid, pageSizeOf } from '../../words/argument-checks.js';
import { pageOf } from '../../words/page-of.js';
import { isUuid } from '../../words/text.js';
import {
  type Connection,
  type ConnectionFilter,
  type ConnectionPage,
  type ConnectionPageRequest,
  type ConnectionState,
  HEALTHS,
  STATES,
} from '../connections/connection.js';
import { ConnectionStore } from '../connections/connection.store.js';
import {
  auditViewOf,
  type ConnectionChange,
  type ConnectionEventName,
  changeConnections,
} from '../connections/connection-changes.js';
import { nameOfSecret, ownerOf, secretOf } from '../connections/connection-secrets.js';
import { TokenStore } from '../credentials/token.store.js';
import type { FoundConnector, Problem } from '../definition/connector.js';
import { invalidConnection, unknownConnection, wrongState } from '../definition/connector-errors.js';
import { connectionGate } from '../http/gate-target.js';
import { AuthorizationStore } from '../oauth/authorization.store.js';
import { secretOfAuthorization } from '../oauth/authorization-secret.js';
import { type ConnectionClient, contextOf } from './connection-context.js';
import {
  type AuthorizeConnection,
  type CreateConnection,
  checkCreate,
  checkedActions,
  checkSecret,
  checkUpdate,
  newKeyId,
  type RotateConnectionSecret,
  type UpdateConnection,
} from './connection-inputs.js';
import {
  isSameConfig,
  problemsOfConnection,
  problemsOfSaid,
  type Said,
  storedSaid,
} from './connection-problems.js';
import { type ConnectionTest, testConnection } from './connection-test.js';
import { ConnectionWebhooks, type ConnectionWebhookView, type MadeEndpoint } from './connection-webhooks.js';
import { getsTokens } from './gets-tokens.js';
import { revokeAtProvider } from './revoke-at-provider.js';
import { type Authorization, TenantAuthorizations } from './tenant-authorizations.js';
import type { TenantParts } from './tenant-parts.js';
import { usable } from './usable-connection.js';

const ids = new UuidV7Generator();
/** How often a change is judged anew because somebody else has changed the connection meanwhile. */
const MOST_TRIES = 5;

/** A connection, with what is known of its secrets and its token. */
export interface ConnectionDetails extends Connection {
  /** Its secrets by their names in the schema. Nothing of the values but the last characters. */
  readonly secrets: readonly SecretView[];
  /** Null where its connector has no tokens, or before the first one. */
  readonly token: ConnectionTokenView | null;
  /** The webhooks of its connector, and where they come in. */
  readonly webhooks: readonly ConnectionWebhookView[];
}

/** A connection, and the endpoints of webhooks that it has got just now. */
export interface ConnectionWithEndpoints extends Connection {
  /** Their secrets are shown this once. Empty where there are none, or where they were there already. */
  readonly endpoints: readonly MadeEndpoint[];
}

export interface ConnectionTokenView {
  /** How many tokens there were. */
  readonly generation: number;
  /** Null for a token that is valid until the provider refuses it. */
  readonly expiresAt: Date | null;
}

/** What came of a revocation. */
export interface RevokedConnection {
  readonly connection: Connection;
  /** Why the provider was not told. Null if it was, or where there is nothing to tell. */
  readonly notTold: string | null;
}

/**
 * The connections of one tenant. What belongs to another tenant is unknown here. Each change is one commit
 * with its entry in the audit and its event `integration.connection.*`. Neither has secrets.
 */
export class TenantConnections {
  private readonly store: ConnectionStore;
  private readonly webhooks: ConnectionWebhooks;

  constructor(
    readonly tenantId: string,
    private readonly parts: TenantParts,
  ) {
    this.store = new ConnectionStore(parts.db);
    this.webhooks = new ConnectionWebhooks(parts);
  }

  /**
   * Adds a connection as a draft. What it says may be wrong still: `validate` tells what is, and `enable`
   * refuses it. A connector with webhooks gives it endpoints, which answer 503 until it is enabled.
   *
   * @throws IntegrationError INTEGRATION_CONNECTOR_UNKNOWN; INTEGRATION_ADMIN_INVALID for a field;
   * INTEGRATION_KEY_MISSING
   */
  async create(given: CreateConnection): Promise<ConnectionWithEndpoints> {
    checkCreate(given);
    const author = authorOf(given);
    const connector = this.parts.registry.of(given.connector);
    const { name, config = {}, secrets = {} } = given;
    const actions = checkedActions(given.actions, connector);
    const id = ids.next();
    const { tenantId } = this;
    const row = { id, tenantId, connector: connector.key, name, config, keyId: newKeyId(), actions };
    return changeConnections(this.parts, async (change) => {
      const { session, add, note } = change;
      const added = await this.store.add(session, row);
      if (getsTokens(connector.auth)) await new TokenStore(this.parts.db).prepare(session, added);
      for (const [secret, value] of Object.entries(secrets)) await add(secretOf(added, secret), value, 0);
      const after = { ...auditViewOf(added), secrets: Object.keys(secrets) };
      const endpoints = await this.webhooks.make(change, added, connector);
      await note(author, added, { verb: 'create', event: 'created', after });
      return { ...added, endpoints };
    });
  }

  /**
   * Changes what a connection says. One that is enabled is used with it from now on, so what is wrong is
   * refused. One that was revoked and gets secrets is disabled.
   *
   * @throws IntegrationError INTEGRATION_CONNECTION_UNKNOWN; INTEGRATION_CONNECTION_INVALID with the problems
   * (`details.problems`); INTEGRATION_ADMIN_INVALID for a field
   */
  async update(id: string, given: UpdateConnection): Promise<Connection> {
    checkUpdate(given);
    return this.updateSaid(id, given, authorOf(given), { verb: 'update', event: 'updated' });
  }

  /**
   * What is wrong with a connection, as it is stored. Empty if it can be enabled.
   *
   * @throws IntegrationError INTEGRATION_CONNECTION_UNKNOWN
   */
  async validate(id: string): Promise<readonly Problem[]> {
    const connection = await this.found(id);
    const said = await storedSaid(connection, this.parts);
    return problemsOfConnection(connection, this.connectorOf(connection), said, this.parts);
  }

  /**
   * Asks the other system whether a connection works, in any state, and stores how it does.
   *
   * @throws IntegrationError INTEGRATION_CONNECTION_UNKNOWN
   */
  async test(id: string, author: ChangeAuthor = {}): Promise<ConnectionTest> {
    checkNames('an option of test', author, AUTHOR_FIELDS);
    return testConnection(await this.found(id), this.parts, authorOf(author));
  }

  /**
   * Lets a connection be used. Its endpoints take webhooks from then on, and its connector subscribes at the
   * other system. One that is enabled already gets the endpoints that it lacks, and stays as it is.
   *
   * @throws IntegrationError INTEGRATION_CONNECTION_UNKNOWN; INTEGRATION_CONNECTION_INVALID with the problems
   * (`details.problems`); INTEGRATION_CONNECTION_STATE for one that was revoked
   */
  async enable(id: string, author: ChangeAuthor = {}): Promise<ConnectionWithEndpoints> {
    checkNames('an option of enable', author, AUTHOR_FIELDS);
    const by = authorOf(author);
    let endpoints: readonly MadeEndpoint[] = [];
    const enabled = await this.judged(id, async (seen) => {
      const { connection } = seen;
      if (connection.state === 'revoked')
        throw wrongState(id, 'revoked', 'authorize it, or store its secrets, before it is enabled');
      const connector = this.connectorOf(connection);
      const problems = await problemsOfConnection(connection, connector, seen, this.parts);
      if (problems.length > 0 && connection.state !== 'enabled')
        throw invalidConnection(`The connection ${id} cannot be enabled`, problems);
      return async (change, row) => {
        endpoints = await this.webhooks.make(change, row, connector);
        if (row.state !== 'enabled') return this.move(change, row, 'enabled', 'enable', by);
        if (endpoints.length > 0) await this.webhooks.follow(change, row, connector);
        return row;
      };
    });
    return { ...enabled, endpoints };
  }

  /**
   * Lets a connection be used no more, until it is enabled. Its credentials stay. Its endpoints answer 503
   * meanwhile, and its connector ends what it has subscribed.
   *
   * @throws IntegrationError INTEGRATION_CONNECTION_UNKNOWN; INTEGRATION_CONNECTION_STATE for a draft, and
   * for one that was revoked
   */
  async disable(id: string, author: ChangeAuthor = {}): Promise<Connection> {
    checkNames('an option of disable', author, AUTHOR_FIELDS);
    const by = authorOf(author);
    return this.changed(id, async (change, row) => {
      if (row.state === 'disabled') return row;
      if (row.state !== 'enabled')
        throw wrongState(id, row.state, 'only one that is enabled can be disabled');
      return this.move(change, row, 'disabled', 'disable', by);
    });
  }

  /**
   * Tells the provider that the grant is over, and deletes all credentials. The connection and its history
   * stay, and it can be authorized again. If the provider cannot be told, that is answered, and the
   * credentials are deleted all the same. Its endpoints are removed: another enabling makes other ones. One
   * whose connector has subscribed is disabled first, in a commit of its own, and the provider is asked to
   * deliver no more while there are credentials for that.
   *
   * @throws IntegrationError INTEGRATION_CONNECTION_UNKNOWN
   */
  async revoke(id: string, author: ChangeAuthor = {}): Promise<RevokedConnection> {
    checkNames('an option of revoke', author, AUTHOR_FIELDS);
    const by = authorOf(author);
    const found = await this.found(id);
    if (found.state === 'revoked') return { connection: found, notTold: null };
    const notEnded = await this.endWebhooks(found, author);
    const reasons = [notEnded, await revokeAtProvider(found, this.parts)].filter((each) => each !== null);
    const notTold = reasons.length === 0 ? null : reasons.join('; ');
    const connection = await this.changed(id, async (change, row) => {
      if (row.state === 'revoked') return row;
      await this.webhooks.remove(change, row);
      await new TokenStore(this.parts.db).end(change.session, row);
      await this.removeAuthorizations(change, row);
      await this.parts.secrets.secrets.remove(ownerOf(row), change.session);
      return this.move(change, row, 'revoked', 'revoke', by, { notTold });
    });
    return { connection, notTold };
  }

  /**
   * Removes a connection with its credentials and its endpoints. The provider is not told that the grant is
   * over: `revoke` does that. It is asked to deliver no more, if its connector has subscribed.
   *
   * @throws IntegrationError INTEGRATION_CONNECTION_UNKNOWN
   */
  async remove(id: string, author: ChangeAuthor = {}): Promise<void> {
    checkNames('an option of remove', author, AUTHOR_FIELDS);
    const by = authorOf(author);
    const notTold = await this.endWebhooks(await this.found(id), author);
    const after = notTold === null ? {} : { after: { notTold } };
    await this.changed(id, async (change, row) => {
      await this.webhooks.remove(change, row);
      await this.removeAuthorizations(change, row);
      await this.parts.syncs.removed(change.session, row);
      await this.store.remove(change.session, row);
      await this.parts.secrets.secrets.remove(ownerOf(row), change.session);
      await change.note(by, row, { verb: 'remove', event: 'removed', before: auditViewOf(row), ...after });
    });
    // What is left there says nothing to anybody, and retention takes it away if this fails.
    await this.parts.gates.remove([connectionGate(id)]).catch(() => {});
  }

  /**
   * Begins an authorization, for connectors with `oauth2` and `oidc`: send a person to the URL within ten
   * minutes. The way back ends in `ConnectionsService.completeAuthorization`. A connection that has a grant
   * keeps it until then.
   *
   * @throws IntegrationError INTEGRATION_CONNECTION_UNKNOWN; INTEGRATION_CONNECTION_STATE for another mode;
   * INTEGRATION_ADMIN_INVALID for a URL that the option `redirectUrls` does not have;
   * INTEGRATION_CONNECTION_INVALID if its config makes no URL of the provider
   */
  authorize(id: string, given: AuthorizeConnection): Promise<Authorization> {
    return new TenantAuthorizations(this.tenantId, this.parts).begin(id, given);
  }

  /**
   * Gives a connection a new value of a secret, which is used from now on.
   *
   * @throws IntegrationError as `update`
   */
  async rotateSecret(id: string, given: RotateConnectionSecret): Promise<Connection> {
    checkNames('an option of rotateSecret', given, ['name', 'value', ...AUTHOR_FIELDS]);
    checkSecret(given.name, given.value);
    const noted = { verb: 'rotate-secret', event: 'secret_rotated' } as const;
    return this.updateSaid(id, { secrets: { [given.name]: given.value } }, authorOf(given), noted);
  }

  /**
   * Gives a connection a new key id. What it does from now on is noted under it.
   *
   * @throws IntegrationError INTEGRATION_CONNECTION_UNKNOWN
   */
  async rotateKey(id: string, author: ChangeAuthor = {}): Promise<Connection> {
    checkNames('an option of rotateKey', author, AUTHOR_FIELDS);
    const by = authorOf(author);
    return this.changed(id, async ({ session, note }, row) => {
      const after = await this.store.setKey(session, row, newKeyId());
      const views = { before: { keyId: row.keyId }, after: { keyId: after.keyId } };
      await note(by, after, { verb: 'rotate-key', event: 'key_rotated', ...views });
      return after;
    });
  }

  /**
   * A page of connections, in the order in which they were created. Pages lose none and repeat none.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid filter or page
   */
  async list(filter: ConnectionFilter = {}, page: ConnectionPageRequest = {}): Promise<ConnectionPage> {
    checkNames('a field of a filter', filter, ['connector', 'state', 'health']);
    checkNames('an option of a page', page, ['limit', 'after']);
    checkText('connector', filter.connector, 63);
    if (filter.state !== undefined) checkChoice('state', filter.state, STATES);
    if (filter.health !== undefined) checkChoice('health', filter.health, HEALTHS);
    checkUuid('after', page.after);
    const limit = pageSizeOf(page.limit);
    const found = await this.store.page(this.tenantId, filter, page.after, limit + 1);
    const { rows: connections, next } = pageOf(found, limit, ({ id }) => id);
    return { connections, next };
  }

  /** @throws IntegrationError INTEGRATION_CONNECTION_UNKNOWN */
  async get(id: string): Promise<ConnectionDetails> {
    const connection = await this.found(id);
    const views = await this.parts.secretService.list(ownerOf(connection));
    const secrets = views.flatMap((view) => {
      const name = nameOfSecret(view);
      return name === undefined ? [] : { ...view, name };
    });
    const webhooks = await this.webhooks.list(connection);
    const token = await new TokenStore(this.parts.db).read(connection);
    if (token?.secret === undefined) return { ...connection, secrets, token: null, webhooks };
    const { generation, expiresInMs } = token;
    const expiresAt = expiresInMs === null ? null : new Date(Date.now() + expiresInMs);
    return { ...connection, secrets, token: { generation, expiresAt }, webhooks };
  }

  /**
   * A connection that is used now: its config, and requests with its credentials.
   *
   * @throws IntegrationError INTEGRATION_CONNECTION_UNKNOWN; INTEGRATION_CONNECTION_STATE for one that is not
   * enabled; INTEGRATION_CONNECTION_INVALID if its config does not fit its connector any more
   */
  async client<Config = unknown>(
    id: string,
    { signal = new AbortController().signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ConnectionClient<Config>> {
    const opened = await usable(this.tenantId, id, this.parts);
    this.parts.use.used(opened.connection);
    const { connection, tenantId, config, http, fetch, credentials } = contextOf(opened, this.parts, signal);
    return { connection, tenantId, config: config as Config, http, fetch, credentials };
  }

  private async updateSaid(
    id: string,
    given: UpdateConnection,
    author: Author,
    noted: { readonly verb: string; readonly event: ConnectionEventName },
  ): Promise<Connection> {
    return this.judged(id, async (seen) => {
      const { connection } = seen;
      const connector = this.connectorOf(connection);
      const config = given.config === undefined ? seen.config : given.config;
      const actions =
        given.actions === undefined ? connection.actions : checkedActions(given.actions, connector);
      if (connection.state === 'enabled') {
        const said = { config, secrets: { ...seen.secrets, ...given.secrets } };
        const { problems } = await problemsOfSaid(connector, said, this.parts);
        if (problems.length > 0)
          throw invalidConnection(`The connection ${id} is enabled, and cannot be changed to this`, problems);
      }
      return async ({ session, add, note }, row) => {
        const name = given.name ?? row.name;
        let after = await this.store.change(session, { ...row, name, config, actions });
        const names = Object.keys(given.secrets ?? {});
        // A pause after failures ends, because what made them may be corrected.
        await new TokenStore(this.parts.db).forgetFailures(session, row);
        for (const [secret, value] of Object.entries(given.secrets ?? {}))
          await add(secretOf(row, secret), value, 0);
        if (row.state === 'revoked' && names.length > 0)
          after = await this.store.setState(session, row, 'disabled');
        const secrets = names.length === 0 ? {} : { secrets: names };
        await note(author, after, {
          ...noted,
          before: auditViewOf(row),
          after: { ...auditViewOf(after), ...secrets },
        });
        return after;
      };
    });
  }

  /**
   * Judges a connection as it is, and changes it. The judgement may take long, so no row is held meanwhile.
   * If somebody else has changed the connection then, it is judged anew.
   */
  private async judged(
    id: string,
    judge: (
      seen: Said & { readonly connection: Connection },
    ) => Promise<(change: ConnectionChange, row: Connection) => Promise<Connection>>,
  ): Promise<Connection> {
    for (let tries = 1; ; tries++) {
      const connection = await this.found(id);
      const said = await storedSaid(connection, this.parts);
      const change = await judge({ ...said, connection });
      const changed = await this.changed(id, async (within, row) => {
        const isSame = row.state === connection.state && isSameConfig(row, connection);
        if (!isSame || (await storedSaid(row, this.parts)).version !== said.version) return undefined;
        return change(within, row);
      });
      if (changed !== undefined) return changed;
      if (tries >= MOST_TRIES)
        throw wrongState(id, connection.state, 'others change it all the time: try again');
    }
  }

  /** Asks the other system to deliver no more, before the credentials go. Resolves to why it was not told. */
  private async endWebhooks(connection: Connection, author: ChangeAuthor): Promise<string | null> {
    if (!(await this.webhooks.isAsked(connection))) return null;
    if (connection.state === 'enabled') await this.disable(connection.id, author);
    return this.webhooks.end(connection);
  }

  private async move(
    change: ConnectionChange,
    row: Connection,
    state: ConnectionState,
    verb: string,
    author: Author,
    more: object = {},
  ): Promise<Connection> {
    const events = {
      enabled: 'enabled',
      disabled: 'disabled',
      revoked: 'revoked',
      draft: 'updated',
    } as const;
    const { session, note } = change;
    const after = await this.store.setState(session, row, state);
    if (state !== 'revoked') await this.webhooks.follow(change, after, this.connectorIfKnown(after));
    const views = { before: { state: row.state }, after: { state, ...more } };
    await note(author, after, { verb, event: events[state], ...views });
    if (state === 'enabled') await this.parts.syncs.enabled(session, after);
    else await this.parts.syncs.disabled(session, after);
    return after;
  }

  private async removeAuthorizations({ session }: ConnectionChange, row: Connection): Promise<void> {
    const { secrets, db } = this.parts;
    const hashes = await new AuthorizationStore(db).removeOf(session, this.tenantId, row.id);
    for (const hash of hashes)
      await secrets.secrets.remove(secretOfAuthorization(this.tenantId, hash), session);
  }

  /** Changes a connection, whose row is held. This process hears of it at once, the others at the commit. */
  private async changed<R>(
    id: string,
    fn: (change: ConnectionChange, row: Connection) => Promise<R>,
  ): Promise<R> {
    if (!isUuid(id)) throw unknownConnection(id);
    const changed = await changeConnections(this.parts, async (change) => {
      const row = await this.store.lock(change.session, this.tenantId, id);
      if (row === undefined) throw unknownConnection(id);
      return fn(change, row);
    });
    this.parts.memory.forget(id);
    this.parts.refresher.forget(id);
    this.parts.syncs.changed(id);
    this.parts.wake(id);
    return changed;
  }

  private async found(id: string): Promise<Connection> {
    const row = isUuid(id) ? await this.store.find(this.tenantId, id) : undefined;
    if (row === undefined) throw unknownConnection(id);
    return row;
  }

  /** A process may disable a connection whose connector it does not have. */
  private connectorIfKnown({ connector }: Connection): FoundConnector | undefined {
    const { registry } = this.parts;
    return registry.has(connector) ? registry.of(connector) : undefined;
  }

  private connectorOf({ connector }: Connection): FoundConnector {
    return this.parts.registry.of(connector);
  }
}
