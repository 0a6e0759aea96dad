import type { NetworkRules } from '../../http/network-rules.js';
import type { ConnectorAuth, SignedRequest } from '../definition/connector-auth.js';
import { wrongState } from '../definition/connector-errors.js';
import type { Variables } from '../definition/environment.js';
import type { Authorization, HttpIdentity, UnsignedRequest } from '../http/http-identity.js';
import type { TokenEndpoint } from '../oauth/token-endpoint.js';
import type { ConnectionMemory } from './connection-memory.js';
import type { OpenedConnection } from './opened-connection.js';
import type { CurrentToken, Refresher } from './refresher.js';
import { refreshableOf } from './token-requests.js';

/** What the credentials of a connection are made of. */
export interface CredentialParts {
  readonly memory: ConnectionMemory;
  readonly refresher: Refresher;
  readonly endpoint: TokenEndpoint;
  readonly variables: () => Variables;
  readonly network: NetworkRules;
}

/** What a request shows of a connection. */
export interface ResolvedCredentials {
  readonly mode: ConnectorAuth['mode'];
  readonly secrets: Readonly<Record<string, string>>;
  /** For modes with tokens. */
  readonly accessToken: string | undefined;
}

/** Says, for each request anew, where a connection goes and what it shows there. */
export class ConnectionIdentity {
  constructor(
    private readonly parts: CredentialParts,
    private readonly opened: OpenedConnection,
    /** A test uses a connection that is not enabled. */
    private readonly isTest = false,
  ) {}

  get http(): HttpIdentity {
    const { connection, connector, baseUrl } = this.opened;
    return {
      tenantId: connection.tenantId,
      connectionId: connection.id,
      connector: connector.key,
      baseUrl,
      origins: connector.http.origins ?? [],
      limits: connector.http.limits ?? [],
      network: this.parts.network,
      authorize: (request, signal) => this.authorize(request, signal),
      renew: (generation, signal) => this.renew(generation, signal),
    };
  }

  async credentials(signal: AbortSignal): Promise<ResolvedCredentials> {
    const opened = await this.current();
    const token = await this.tokenOf(opened, signal);
    return {
      mode: opened.connector.auth.mode,
      secrets: opened.secrets,
      accessToken: token?.tokens.accessToken,
    };
  }

  private async authorize(request: UnsignedRequest, signal: AbortSignal): Promise<Authorization> {
    const opened = await this.current();
    const token = await this.tokenOf(opened, signal);
    const tls = await putOn(request, opened, token);
    const generation = token?.generation ?? opened.secretsVersion;
    return tls === undefined ? { generation } : { generation, tls };
  }

  /**
   * After a 401. A token is renewed once. One that came just now and is refused all the same is not worth
   * another one. Secrets that somebody has changed meanwhile are worth another request.
   */
  private async renew(generation: number | undefined, signal: AbortSignal): Promise<boolean> {
    const { memory, refresher, endpoint, variables } = this.parts;
    const { id, tenantId } = this.opened.connection;
    if (generation === undefined) return false;
    const known = await this.current();
    const refreshable = refreshableOf(known, endpoint, variables());
    if (refreshable === undefined) {
      memory.forget(id);
      return (await memory.get(tenantId, id)).secretsVersion !== generation;
    }
    if (refresher.isYoung(id, generation)) return false;
    try {
      return (await refresher.get(refreshable, signal, generation)).generation > generation;
    } catch {
      // The answer with the 401 says more than why there is no other token. The next request says that.
      return false;
    }
  }

  private async current(): Promise<OpenedConnection> {
    const { id, tenantId } = this.opened.connection;
    const opened = await this.parts.memory.get(tenantId, id);
    const { state } = opened.connection;
    if (state !== 'enabled' && !this.isTest) throw wrongState(id, state, 'only one that is enabled is used');
    return opened;
  }

  private async tokenOf(opened: OpenedConnection, signal: AbortSignal): Promise<CurrentToken | undefined> {
    const { refresher, endpoint, variables } = this.parts;
    const refreshable = refreshableOf(opened, endpoint, variables());
    return refreshable === undefined ? undefined : refresher.get(refreshable, signal);
  }
}

/** Puts what the mode says on a request. Resolves to a client certificate, if the mode has one. */
async function putOn(
  request: UnsignedRequest,
  { connector: { auth }, secrets, config }: OpenedConnection,
  token: CurrentToken | undefined,
): Promise<Authorization['tls']> {
  const secret = (name: string) => secrets[name] ?? '';
  // A secret that was read from a file often ends with its line, which no header may have.
  const put = (name: string, value: string) => {
    request.headers[name.toLowerCase()] = value.trim();
  };
  switch (auth.mode) {
    case 'oauth2':
    case 'oidc':
    case 'clientCredentials':
      put('authorization', `Bearer ${token?.tokens.accessToken ?? ''}`);
      return undefined;
    case 'bearer':
      put('authorization', `Bearer ${secret(auth.options.secret ?? 'token')}`);
      return undefined;
    case 'basic': {
      const { username = 'username', password = 'password' } = auth.options;
      const pair = Buffer.from(`${secret(username)}:${secret(password)}`).toString('base64');
      put('authorization', `Basic ${pair}`);
      return undefined;
    }
    case 'apiKey': {
      const { secret: name = 'apiKey', header, prefix = '', query } = auth.options;
      if (header !== undefined) put(header, prefix + secret(name));
      if (query !== undefined) {
        request.url = new URL(request.url);
        request.url.searchParams.set(query, secret(name));
      }
      return undefined;
    }
    case 'mtls': {
      const { certificate = 'certificate', key = 'key', ca } = auth.options;
      return {
        cert: secret(certificate),
        key: secret(key),
        ...(ca === undefined ? {} : { ca: secret(ca) }),
      };
    }
    case 'custom':
      await applied(request, (own) =>
        auth.options.apply(own, { config: config as never, secrets, token: token?.tokens }),
      );
      return undefined;
  }
}

/** A function of the connector gets a request of its own, and what it made of that is taken over. */
async function applied(
  request: UnsignedRequest,
  apply: (own: SignedRequest) => void | Promise<void>,
): Promise<void> {
  const { method, body } = request;
  const own: SignedRequest = {
    url: new URL(request.url),
    headers: new Headers(request.headers),
    method,
    body: typeof body === 'string' ? Buffer.from(body) : body,
  };
  await apply(own);
  request.url = own.url;
  request.headers = Object.fromEntries(own.headers);
}
