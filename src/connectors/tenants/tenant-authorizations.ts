import { AUTHOR_FIELDS, authorOf, type ChangeAuthor } from '../../audit/change-author.js';
import { checkNames, invalidArgument } from '../../words/argument-checks.js';
import { isUuid } from '../../words/text.js';
import type { Connection } from '../connections/connection.js';
import { ConnectionStore } from '../connections/connection.store.js';
import { auditViewOf, changeConnections } from '../connections/connection-changes.js';
import { saveHealth } from '../connections/connection-health.js';
import { tokenOf } from '../connections/connection-secrets.js';
import type { OpenedConnection } from '../credentials/opened-connection.js';
import { newTokenOf } from '../credentials/refresher.js';
import { TokenStore } from '../credentials/token.store.js';
import { textOfTokens } from '../credentials/token-text.js';
import { type ConnectorAuth, needsConsent } from '../definition/connector-auth.js';
import {
  failedAuthorization,
  unknownConnection,
  wrongAuthorization,
  wrongState,
} from '../definition/connector-errors.js';
import { scopesOf } from '../definition/connector-view.js';
import { AuthorizationStore, type StoredAuthorization } from '../oauth/authorization.store.js';
import {
  hashOfState,
  secretOfAuthorization,
  secretOfText,
  textOfSecret,
} from '../oauth/authorization-secret.js';
import { loadOAuth } from '../oauth/oauth-library.js';
import { type ResolvedProvider, resolvedProvider } from '../oauth/resolved-provider.js';
import type { TokenAnswer } from '../oauth/token-answer.js';
import { accountOf } from '../oauth/token-endpoint.js';
import type { AuthorizeConnection } from './connection-inputs.js';
import type { TenantParts } from './tenant-parts.js';

const VALID_MS = 600_000;
const EXCHANGE_MS = 30_000;
/** The error of a callback that is shown (RFC 6749, 4.1.2.1). Anything else may be text of somebody. */
const ERROR_CODE = /^[a-z_]{1,64}$/;

type WithConsent = Extract<ConnectorAuth, { mode: 'oauth2' | 'oidc' }>;
type Tokens = Extract<TokenAnswer, { is: 'tokens' }>;

/** Where to send a person. */
export interface Authorization {
  /** The page of the provider. */
  readonly url: string;
  /** After this time the way back is closed. */
  readonly expiresAt: Date;
}

/** Sends people of one tenant to providers, and takes what they bring back. */
export class TenantAuthorizations {
  constructor(
    private readonly tenantId: string,
    private readonly parts: TenantParts,
  ) {}

  /** As `TenantConnections.authorize`. */
  async begin(id: string, given: AuthorizeConnection): Promise<Authorization> {
    checkNames('an option of authorize', given, ['redirectUrl', 'scopes', ...AUTHOR_FIELDS]);
    const author = authorOf(given);
    const { redirectUrl } = given;
    if (!this.parts.redirectUrls.includes(redirectUrl))
      throw invalidArgument(
        'redirectUrl must be one of the option redirectUrls of ConnectorsModule, letter by letter',
        { field: 'redirectUrl' },
      );
    const opened = await this.opened(id);
    const { auth, provider } = providerOf(opened, this.parts);
    const scopes = checkedScopes(given.scopes) ?? scopesOf(opened.connector);
    const oauth = await loadOAuth();
    const state = oauth.generateRandomState();
    const verifier = oauth.generateRandomCodeVerifier();
    const nonce = oauth.generateRandomNonce();
    const stateHash = hashOfState(state);
    const { tenantId } = this;
    const row: StoredAuthorization = {
      stateHash,
      tenantId,
      connectionId: id,
      redirectUri: redirectUrl,
      scopes,
    };
    await changeConnections(this.parts, async ({ session, add, note }) => {
      const connection = await new ConnectionStore(this.parts.db).lock(session, tenantId, id);
      if (connection === undefined) throw unknownConnection(id);
      const over = await new AuthorizationStore(this.parts.db).add(session, row, VALID_MS);
      await add(secretOfAuthorization(tenantId, stateHash), textOfSecret({ verifier, nonce }), 0);
      for (const hash of over)
        await this.parts.secrets.secrets.remove(secretOfAuthorization(tenantId, hash), session);
      await note(author, connection, { verb: 'authorize', after: { scopes, redirectUrl } });
    });
    const challenge = await oauth.calculatePKCECodeChallenge(verifier);
    const url = new URL(provider.authorizationEndpoint ?? '');
    const { quirks, pkce, clientId, authorizationParameters } = provider;
    const parameters = {
      ...authorizationParameters,
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUrl,
      state,
      ...(scopes.length === 0 ? {} : { scope: scopes.join(quirks.scopeSeparator ?? ' ') }),
      ...(pkce ? { code_challenge: challenge, code_challenge_method: 'S256' } : {}),
      ...(auth.mode === 'oidc' ? { nonce } : {}),
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return { url: url.href, expiresAt: new Date(Date.now() + VALID_MS) };
  }

  /** As `ConnectionsService.completeAuthorization`. */
  async complete(callbackUrl: string, by: ChangeAuthor): Promise<Connection> {
    const author = authorOf(by);
    const callback = URL.canParse(callbackUrl) ? new URL(callbackUrl) : undefined;
    const states = callback?.searchParams.getAll('state') ?? [];
    const [state = ''] = states;
    if (callback === undefined || states.length !== 1 || state === '')
      throw wrongAuthorization('the URL has no state');
    const stateHash = hashOfState(state);
    const { found, secret } = await this.use(stateHash);
    const { origin, pathname } = new URL(found.redirectUri);
    if (callback.origin !== origin || callback.pathname !== pathname)
      throw wrongAuthorization('the person came back to another URL than was agreed');
    const error = callback.searchParams.get('error');
    if (error !== null)
      throw failedAuthorization(ERROR_CODE.test(error) ? error : 'its error is not one of RFC 6749');
    const opened = await this.opened(found.connectionId);
    const { auth, provider } = providerOf(opened, this.parts);
    const askedAt = performance.now();
    const exchange = { callback: callback.searchParams, state, redirectUri: found.redirectUri, ...secret };
    const signal = AbortSignal.timeout(EXCHANGE_MS);
    const answer = await this.parts.endpoint.exchange(provider, exchange, signal);
    if (answer.is !== 'tokens') throw failedAuthorization(answer.reason);
    const { accessToken } = answer.tokens;
    const userinfo = await this.parts.endpoint.userinfo(provider, { ...answer, accessToken }, signal);
    return this.save(found, accountSaid(auth, answer, userinfo), answer, askedAt, author);
  }

  /** The new grant takes the place of the old one, whoever refreshes that. */
  private async save(
    { connectionId, scopes: asked }: StoredAuthorization,
    account: string | undefined,
    { tokens }: Tokens,
    askedAt: number,
    author: ReturnType<typeof authorOf>,
  ): Promise<Connection> {
    const { db } = this.parts;
    const store = new ConnectionStore(db);
    const text = textOfTokens(tokens);
    const connection = await changeConnections(this.parts, async (change) => {
      const { session, add, note } = change;
      const before = await store.lock(session, this.tenantId, connectionId);
      if (before === undefined) throw unknownConnection(connectionId);
      const generation = await new TokenStore(db).begin(session, before, newTokenOf(tokens, askedAt));
      await store.setGrant(session, before, tokens.scopes ?? asked, account?.slice(0, 255));
      // It has credentials again, and somebody has to want that it is used.
      const granted = before.state === 'revoked' ? await store.setState(session, before, 'disabled') : before;
      await add(tokenOf(before), text, 0, generation);
      const found = { health: 'healthy', reason: null, isNewGrant: true } as const;
      const after = await saveHealth(change, store, granted, found, author);
      const views = { before: auditViewOf(before), after: auditViewOf(after) };
      await note(author, after, { verb: 'authorized', event: 'authorized', ...views });
      return after;
    });
    this.parts.memory.forget(connectionId);
    this.parts.refresher.forget(connectionId);
    return connection;
  }

  /** An authorization is used once, also if what comes then fails. So its secret need not be kept. */
  private async use(stateHash: string) {
    const of = secretOfAuthorization(this.tenantId, stateHash);
    const [opened] = await this.parts.secretService.open(of);
    const { db, secrets } = this.parts;
    const found = await db.transaction(async (session) => {
      const used = await new AuthorizationStore(db).use(session, this.tenantId, stateHash);
      if (used !== undefined) await secrets.secrets.remove(of, session);
      return used;
    });
    if (found === undefined)
      throw wrongAuthorization('its state is over, was used, or was never given to this tenant');
    return { found, secret: secretOfText(opened?.value) };
  }

  private opened(id: string): Promise<OpenedConnection> {
    if (!isUuid(id)) throw unknownConnection(id);
    return this.parts.memory.read(this.tenantId, id);
  }
}

function providerOf(
  { connection, connector, secrets, config }: OpenedConnection,
  { registry }: TenantParts,
): { readonly auth: WithConsent; readonly provider: ResolvedProvider } {
  const { auth } = connector;
  if (!needsConsent(auth))
    throw wrongState(
      connection.id,
      connection.state,
      `its connector has the mode ${auth.mode}, in which nobody is asked to agree`,
    );
  const { variables } = registry;
  return { auth, provider: resolvedProvider(auth, { variables, secrets, config }) };
}

/** The code of a connector may return anything. */
function accountSaid(
  { options }: WithConsent,
  { answer = {}, account }: Tokens,
  userinfo: Readonly<Record<string, unknown>> | undefined,
): string | undefined {
  const otherwise = account ?? accountOf(userinfo);
  try {
    const said: unknown = options.account?.(userinfo === undefined ? answer : { ...answer, userinfo });
    return typeof said === 'string' && said !== '' ? said : otherwise;
  } catch {
    return otherwise;
  }
}

function checkedScopes(scopes: readonly string[] | undefined): readonly string[] | undefined {
  if (scopes === undefined) return undefined;
  if (
    Array.isArray(scopes) &&
    scopes.every((each) => typeof each === 'string' && /^[\x21-\x7e]+$/.test(each))
  )
    return scopes;
  throw invalidArgument('scopes must be a list of scopes', { field: 'scopes' });
}
