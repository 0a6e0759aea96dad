import { createPrivateKey, type webcrypto } from 'node:crypto';
import { messageOf } from '../../errors.js';
import type { OutgoingHttp } from '../../http/outgoing-http.js';
import type { TokenSet } from '../definition/connector-auth.js';
import {
  type ClientAuth,
  type ClientMetadata,
  loadOAuth,
  type OAuthLibrary,
  type ServerMetadata,
  type TokenEndpointAnswer,
} from './oauth-library.js';
import { plainAnswer } from './plain-answer.js';
import type { ResolvedProvider } from './resolved-provider.js';
import type { TokenAnswer } from './token-answer.js';

/** More than any token needs, and less than what would fill the memory. */
const ANSWER_BYTES = 262_144;
/** A token that is longer cannot be stored. */
const LONGEST_TOKEN = 30_000;
/** The deadline of a request stands in its signal. This is the bound behind it. */
const LONGEST_MS = 120_000;
/** Who the person is can be left unknown. */
const USERINFO_MS = 5_000;
/** What an authorization server without a name is called, where nothing is compared with it. */
const NO_ISSUER = 'https://issuer.invalid';

/** How a person came back from the provider. */
export interface CodeExchange {
  readonly callback: URLSearchParams;
  readonly state: string;
  readonly redirectUri: string;
  readonly verifier: string;
  readonly nonce: string;
}

/** No answer came. */
class NotAnswered extends Error {
  override readonly name = 'NotAnswered';
}

/** An answer that says to wait. */
interface Told {
  status?: number;
  retryAfterMs?: number | undefined;
}

/**
 * Asks the token endpoints of providers. Nothing here waits for another connection, or touches the database.
 */
export class TokenEndpoint {
  constructor(
    private readonly http: OutgoingHttp,
    /** Whether `http:` is allowed, which the network rules decide. */
    private readonly allowsHttp: boolean,
  ) {}

  /** Exchanges a code for tokens. */
  async exchange(
    provider: ResolvedProvider,
    exchange: CodeExchange,
    signal: AbortSignal,
  ): Promise<TokenAnswer> {
    const told: Told = {};
    return this.answered(told, async () => {
      const oauth = await loadOAuth();
      const { server, client, auth } = await partsOf(oauth, provider);
      const parameters = new URLSearchParams(exchange.callback);
      if (provider.issuer === undefined) parameters.delete('iss');
      const valid = oauth.validateAuthResponse(server, client, parameters, exchange.state);
      const response = await oauth.authorizationCodeGrantRequest(
        server,
        client,
        auth,
        valid,
        exchange.redirectUri,
        provider.pkce ? exchange.verifier : oauth.nopkce,
        this.options(oauth, provider, told, signal),
      );
      const isOidc = provider.mode === 'oidc';
      const answer = await oauth.processAuthorizationCodeResponse(
        server,
        client,
        response,
        isOidc ? { expectedNonce: exchange.nonce, requireIdToken: true } : {},
      );
      return tokensFrom(answer, isOidc ? oauth.getValidatedIdTokenClaims(answer) : undefined);
    });
  }

  /**
   * What the provider says of the person who has agreed (OpenID Connect Core, 5.3). Undefined if it does not
   * say it, or says it of somebody else than the ID token.
   */
  async userinfo(
    { userinfoEndpoint: url }: ResolvedProvider,
    { accessToken, subject }: { readonly accessToken: string; readonly subject?: string | undefined },
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    if (url === undefined) return undefined;
    const answer = await this.http.sendRequest({
      url,
      method: 'GET',
      headers: { authorization: `Bearer ${accessToken}`, accept: 'application/json' },
      body: '',
      deadlines: { wholeMs: USERINFO_MS },
      answerBytes: ANSWER_BYTES,
      signal,
    });
    if (answer.is === 'failed' || answer.status !== 200) return undefined;
    const said = objectOf(answer.body.toString('utf8'));
    return subject !== undefined && said?.sub !== subject ? undefined : said;
  }

  async refresh(provider: ResolvedProvider, refreshToken: string, signal: AbortSignal): Promise<TokenAnswer> {
    const told: Told = {};
    return this.answered(told, async () => {
      const oauth = await loadOAuth();
      const { server, client, auth } = await partsOf(oauth, provider);
      const options = this.options(oauth, provider, told, signal);
      const response = await oauth.refreshTokenGrantRequest(server, client, auth, refreshToken, options);
      return tokensFrom(await oauth.processRefreshTokenResponse(server, client, response));
    });
  }

  async clientCredentials(
    provider: ResolvedProvider,
    scopes: readonly string[],
    signal: AbortSignal,
  ): Promise<TokenAnswer> {
    const told: Told = {};
    const answer = await this.answered(told, async () => {
      const oauth = await loadOAuth();
      const { server, client, auth } = await partsOf(oauth, provider);
      const { scopeSeparator = ' ' } = provider.quirks;
      const parameters = new URLSearchParams({
        ...provider.tokenParameters,
        ...(scopes.length === 0 ? {} : { scope: scopes.join(scopeSeparator) }),
      });
      const options = this.options(oauth, provider, told, signal);
      const response = await oauth.clientCredentialsGrantRequest(server, client, auth, parameters, options);
      return tokensFrom(await oauth.processClientCredentialsResponse(server, client, response));
    });
    // There is no grant that could die: what is refused is the client.
    return answer.is === 'dead' ? { is: 'failed', reason: answer.reason } : answer;
  }

  /** Tells the provider that a token is not wanted any more. Undefined if it has taken it. */
  async revoke(provider: ResolvedProvider, token: string, signal: AbortSignal): Promise<string | undefined> {
    const told: Told = {};
    const answer = await this.answered(told, async () => {
      const oauth = await loadOAuth();
      const { server, client, auth } = await partsOf(oauth, provider);
      const options = this.options(oauth, provider, told, signal);
      await oauth.processRevocationResponse(
        await oauth.revocationRequest(server, client, auth, token, options),
      );
      return { is: 'tokens', tokens: { accessToken: '' } };
    });
    return answer.is === 'tokens' ? undefined : answer.reason;
  }

  private async answered(told: Told, ask: () => Promise<TokenAnswer>): Promise<TokenAnswer> {
    try {
      return await ask();
    } catch (error) {
      return failureOf(error, told);
    }
  }

  private options(oauth: OAuthLibrary, provider: ResolvedProvider, told: Told, signal: AbortSignal) {
    const fetch = async (
      url: string,
      { body, headers, method }: { body?: unknown; headers: Record<string, string>; method: string },
    ) => {
      const answer = await this.http.sendRequest({
        url,
        method,
        headers: Object.fromEntries(new Headers(headers)),
        body: body === undefined || body === null ? '' : String(body),
        deadlines: { wholeMs: LONGEST_MS },
        answerBytes: ANSWER_BYTES,
        signal,
      });
      if (answer.is === 'failed') {
        const why = signal.aborted ? 'The provider did not answer in time' : answer.message;
        throw new NotAnswered(why);
      }
      told.status = answer.status;
      told.retryAfterMs = retryAfterOf(answer.headers['retry-after']);
      const contentType = answer.headers['content-type'] ?? '';
      const came = { status: answer.status, contentType, body: answer.body.toString('utf8') };
      const plain = plainAnswer(came, provider.quirks, { keepsIdToken: provider.mode === 'oidc' });
      const isEmpty = plain.status === 204 || plain.status === 304;
      return new Response(isEmpty ? null : plain.body, {
        status: plain.status,
        headers: { 'content-type': plain.contentType },
      });
    };
    return {
      [oauth.customFetch]: fetch,
      [oauth.allowInsecureRequests]: this.allowsHttp,
      additionalParameters: { ...provider.tokenParameters },
    };
  }
}

async function partsOf(
  oauth: OAuthLibrary,
  provider: ResolvedProvider,
): Promise<{ server: ServerMetadata; client: ClientMetadata; auth: ClientAuth }> {
  const { issuer, tokenEndpoint, revocationEndpoint } = provider;
  return {
    server: {
      issuer: issuer ?? NO_ISSUER,
      token_endpoint: tokenEndpoint,
      ...(revocationEndpoint === undefined ? {} : { revocation_endpoint: revocationEndpoint }),
      ...(issuer === undefined || provider.mode === 'oidc'
        ? {}
        : { authorization_response_iss_parameter_supported: true }),
    },
    client: { client_id: provider.clientId },
    auth: await authenticationOf(oauth, provider),
  };
}

async function authenticationOf(oauth: OAuthLibrary, provider: ResolvedProvider): Promise<ClientAuth> {
  const { clientAuthentication, clientSecret = '', privateKey = '', keyId } = provider;
  switch (clientAuthentication) {
    case 'client_secret_basic':
      return oauth.ClientSecretBasic(clientSecret);
    case 'client_secret_post':
      return oauth.ClientSecretPost(clientSecret);
    case 'private_key_jwt': {
      const key = await importedKey(privateKey, provider.algorithm);
      return oauth.PrivateKeyJwt(keyId === undefined ? { key } : { key, kid: keyId });
    }
    case 'none':
      return oauth.None();
  }
}

const ALGORITHMS = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  EdDSA: { name: 'Ed25519' },
} as const;

function importedKey(pem: string, algorithm: ResolvedProvider['algorithm']): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return crypto.subtle.importKey('pkcs8', Uint8Array.from(der), ALGORITHMS[algorithm], false, ['sign']);
}

function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function tokensFrom(answer: TokenEndpointAnswer, claims?: Readonly<Record<string, unknown>>): TokenAnswer {
  const {
    access_token: accessToken,
    refresh_token: refreshToken,
    expires_in: expiresInSeconds,
    scope,
  } = answer;
  if (accessToken.length > LONGEST_TOKEN || (refreshToken?.length ?? 0) > LONGEST_TOKEN)
    return { is: 'failed', reason: `The token has more than ${LONGEST_TOKEN} characters` };
  const tokens: TokenSet = {
    accessToken,
    refreshToken,
    expiresInSeconds,
    scopes: scope === undefined ? undefined : scope.split(' ').filter((each) => each !== ''),
  };
  const subject = typeof claims?.sub === 'string' ? claims.sub : undefined;
  return { is: 'tokens', tokens, account: accountOf(claims), subject, answer };
}

/** Whose account it is, by the claims of an ID token or of userinfo. */
export function accountOf(claims: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const found = claims?.email ?? claims?.preferred_username ?? claims?.sub;
  return typeof found === 'string' ? found : undefined;
}

/** The codes of errors of RFC 6749 and 6750 are short texts of ASCII. Other texts may hold anything. */
const CODE = /^[\w.-]{1,64}$/;

/** Neither a message of the library nor a description of the provider is repeated: they may hold tokens. */
function failureOf(error: unknown, { status, retryAfterMs }: Told): TokenAnswer {
  if (error instanceof NotAnswered) return { is: 'failed', reason: error.message };
  const { error: code, name } = Object(error) as { error?: unknown; name?: unknown };
  const said = typeof code === 'string' && CODE.test(code) ? code : undefined;
  const isRefusal = status !== undefined && status < 500 && status !== 429;
  if (said === 'invalid_grant' && isRefusal)
    return { is: 'dead', reason: 'The provider does not take the grant any more (invalid_grant)' };
  if (said !== undefined) {
    const reason = `The provider answered ${said}${status === undefined ? '' : ` (status ${status})`}`;
    return { is: 'failed', reason, retryAfterMs };
  }
  const kind = typeof name === 'string' && CODE.test(name) ? name : 'Error';
  if (status !== undefined && status >= 300)
    return { is: 'failed', reason: `The provider answered with the status ${status}`, retryAfterMs };
  const reason =
    status === undefined
      ? `The request could not be made (${kind}: ${safe(error)})`
      : `The answer of the provider is not what RFC 6749 says (${safe(error)})`;
  return { is: 'failed', reason, retryAfterMs };
}

/** Messages of the library quote names of fields only. What looks like more is left out. */
function safe(error: unknown): string {
  const message = messageOf(error).split('\n')[0] ?? '';
  return /^[\w "'.,:()/-]{1,200}$/.test(message) ? message : 'no details';
}

function retryAfterOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}
