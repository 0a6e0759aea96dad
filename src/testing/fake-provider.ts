import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { readStream } from '../http/read-bytes.js';
import { checkNames } from '../words/argument-checks.js';

const MOST_BYTES = 1_048_576;
const TOKEN_PATH = '/oauth/token';
const AUTHORIZE_PATH = '/oauth/authorize';
const REVOKE_PATH = '/oauth/revoke';
const WEBHOOKS_PATH = '/webhooks';

/** How the provider gives tokens. */
export interface FakeProviderOAuth {
  /** Whether each refresh gives another refresh token, and the one before is used up. Default: true. */
  rotate?: boolean | undefined;
  /** What becomes of a grant whose used refresh token comes again. Default: `revoke`. */
  reuse?: 'revoke' | 'refuse' | undefined;
  /** For how many seconds an access token is valid. Default: 3,600. Undefined in an answer if it is null. */
  expiresInSeconds?: number | null | undefined;
  /** Default: `client` and `client-secret`. */
  clientId?: string | undefined;
  clientSecret?: string | undefined;
  /** The `iss` of callbacks. Default: none. */
  issuer?: string | undefined;
}

export interface FakeProviderOptions {
  oauth?: FakeProviderOAuth | undefined;
  /** What paths answer, as JSON. Other paths answer `{ "ok": true }`. */
  routes?: Readonly<Record<string, unknown>> | undefined;
  /** What paths answer that are lists. */
  lists?: Readonly<Record<string, readonly unknown[]>> | undefined;
  /**
   * Whether a request to a path shows the right credentials. Default: it has an access token of the provider
   * that is valid.
   */
  accepts?: ((request: FakeProviderRequest) => boolean) | undefined;
}

/** What a `FakeProvider` was asked to deliver. */
export interface FakeSubscription {
  readonly id: string;
  readonly url: string;
  readonly types: readonly string[];
  /** With what deliveries are to be signed. */
  readonly secret: string;
}

/** A request that came to a `FakeProvider`. */
export interface FakeProviderRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the next request of a path meets. Each holds once. */
export interface FakeProviderTurn {
  /** The provider does its work, and the connection is reset before the answer. */
  resets(): void;
  /** It does its work, and answers nothing until `release()` of the provider. */
  hangs(): void;
  /** It does nothing of its work, and answers this. */
  answers(status: number, body?: unknown, headers?: Readonly<Record<string, string>>): void;
  /** It does its work, and what it would answer is changed before. */
  changes(change: (body: Record<string, unknown>) => unknown): void;
}

type Turn =
  | { readonly is: 'resets' | 'hangs' }
  | { readonly is: 'answers'; readonly answer: Answer }
  | { readonly is: 'changes'; readonly change: (body: Record<string, unknown>) => unknown };

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What a person has agreed to. */
interface Grant {
  readonly scope: string;
  isRevoked: boolean;
  /** The refresh token that is valid. */
  refreshToken: string;
}

interface Code {
  readonly scope: string;
  readonly redirectUri: string;
  readonly challenge: string | null;
}

/**
 * Somebody else's API, on 127.0.0.1, for tests: it gives tokens by OAuth 2, notices when a refresh token
 * comes twice, and takes requests with the tokens that it gave.
 *
 * ```ts
 * const provider = await FakeProvider.start({ oauth: { rotate: true, reuse: 'revoke' } });
 * provider.next('/oauth/token').resets(); // misbehaves once
 * ```
 */
export class FakeProvider {
  private readonly came: FakeProviderRequest[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly turns = new Map<string, Turn[]>();
  private readonly held = new Set<() => void>();
  private readonly codes = new Map<string, Code>();
  private readonly grants: Grant[] = [];
  private readonly byRefreshToken = new Map<string, Grant>();
  /** When each access token ends (milliseconds since 1970), and its grant. */
  private readonly accessTokens = new Map<string, { expiresAt: number; readonly grant: Grant | undefined }>();
  private readonly subscribed = new Map<string, FakeSubscription>();
  private rotated = 0;
  private reused = 0;
  private lost = 0;
  private closed: Promise<void> | undefined;

  private constructor(
    private readonly server: Server,
    private readonly options: FakeProviderOptions,
  ) {
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.sockets.delete(socket));
    });
    server.on('request', (request, response) => void this.take(request, response));
  }

  /** Close it when the test is over. */
  static async start(options: FakeProviderOptions = {}): Promise<FakeProvider> {
    checkNames('an option of FakeProvider.start', options, ['oauth', 'routes', 'lists', 'accepts']);
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return new FakeProvider(server, options);
  }

  /** `http://127.0.0.1:<port>` */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The rules of the network that an application needs in order to reach it. */
  get network(): { readonly http: true; readonly allow: readonly string[] } {
    return { http: true, allow: ['127.0.0.1'] };
  }

  /** For `oauth2({ ...provider.endpoints, scopes })`. */
  get endpoints() {
    const { clientId = 'client', clientSecret = 'client-secret' } = this.options.oauth ?? {};
    return {
      authorizationEndpoint: this.url + AUTHORIZE_PATH,
      tokenEndpoint: this.url + TOKEN_PATH,
      revocationEndpoint: this.url + REVOKE_PATH,
      clientId,
      clientSecret,
    };
  }

  /** All that has come, in the order in which it came. */
  get requests(): readonly FakeProviderRequest[] {
    return [...this.came];
  }

  /** How often it has exchanged a refresh token. */
  get rotations(): number {
    return this.rotated;
  }

  /** How often a refresh token came that was used before. */
  get reuses(): number {
    return this.reused;
  }

  /** How many answers with a new refresh token did not arrive, because of `resets` or `hangs`. */
  get lostRotations(): number {
    return this.lost;
  }

  /** How many grants were revoked. */
  get revokedGrants(): number {
    return this.grants.filter(({ isRevoked }) => isRevoked).length;
  }

  /**
   * What it delivers, and where. `POST /webhooks` with `{ url, secret, types }` adds one and answers its
   * `id`, also if there is one with this URL already. `GET /webhooks` answers them as `items`, and `DELETE
   * /webhooks/<id>` ends one.
   */
  get subscriptions(): readonly FakeSubscription[] {
    return [...this.subscribed.values()];
  }

  /**
   * Delivers to all that asked for the type, as Standard Webhooks say it: `{ type, timestamp, data }`.
   * Resolves to the statuses of the answers.
   */
  deliver(type: string, data: unknown): Promise<number[]> {
    const asked = [...this.subscribed.values()].filter(({ types }) => types.includes(type));
    return Promise.all(
      asked.map(async ({ url, secret }) => {
        const { headers, body } = signedDelivery(type, data, secret);
        return (await fetch(url, { method: 'POST', headers, body })).status;
      }),
    );
  }

  /** What the next request of a path meets. Several calls are for several requests, in their order. */
  next(path: string): FakeProviderTurn {
    const add = (turn: Turn) => this.turns.set(path, [...(this.turns.get(path) ?? []), turn]);
    return {
      resets: () => add({ is: 'resets' }),
      hangs: () => add({ is: 'hangs' }),
      answers: (status, body = {}, headers) => add({ is: 'answers', answer: { status, body, headers } }),
      changes: (change) => add({ is: 'changes', change }),
    };
  }

  /** Answers what hangs, as if it had taken so long. */
  release(): void {
    for (const answer of [...this.held]) answer();
  }

  /** A person agrees on the page of this URL. Returns the URL to which the provider sends the person. */
  approve(authorizationUrl: string): string {
    const asked = new URL(authorizationUrl).searchParams;
    const code = secret('code');
    const redirectUri = asked.get('redirect_uri') ?? '';
    this.codes.set(code, {
      scope: asked.get('scope') ?? '',
      redirectUri,
      challenge: asked.get('code_challenge'),
    });
    return this.callback(redirectUri, { code, state: asked.get('state') ?? '' });
  }

  /** A person refuses. */
  deny(authorizationUrl: string, error = 'access_denied'): string {
    const asked = new URL(authorizationUrl).searchParams;
    return this.callback(asked.get('redirect_uri') ?? '', { error, state: asked.get('state') ?? '' });
  }

  /** No access token is valid any more. */
  expireAccessTokens(): void {
    for (const token of this.accessTokens.values()) token.expiresAt = 0;
  }

  /** A person has taken every grant back. */
  revokeGrants(): void {
    for (const grant of this.grants) grant.isRevoked = true;
  }

  /** Ends all connections. */
  close(): Promise<void> {
    this.closed ??= new Promise((closed) => {
      this.server.close(() => closed());
      for (const socket of this.sockets) socket.destroy();
    });
    return this.closed;
  }

  private callback(redirectUri: string, parameters: Readonly<Record<string, string>>): string {
    const url = new URL(redirectUri);
    const { issuer } = this.options.oauth ?? {};
    const all = { ...parameters, ...(issuer === undefined ? {} : { iss: issuer }) };
    for (const [name, value] of Object.entries(all)) url.searchParams.set(name, value);
    return url.href;
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    const bytes = await readStream(request, MOST_BYTES).catch(() => undefined);
    if (bytes === undefined) {
      request.socket.destroy();
      return;
    }
    const { pathname: path, searchParams: query } = new URL(request.url ?? '/', this.url);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
    );
    const came = { method: request.method ?? 'GET', path, query, headers, body: bytes.toString() };
    this.came.push(came);
    const turn = this.turns.get(path)?.shift();
    if (turn?.is === 'answers') return send(response, turn.answer);
    const before = this.rotated;
    let answer = this.answer(came);
    if (turn?.is === 'changes')
      answer = { ...answer, body: turn.change(Object(answer.body) as Record<string, unknown>) };
    if ((turn?.is === 'resets' || turn?.is === 'hangs') && this.rotated > before) this.lost++;
    if (turn?.is === 'resets') response.socket?.resetAndDestroy();
    else if (turn?.is === 'hangs') this.hold(() => send(response, answer));
    else send(response, answer);
  }

  private hold(answer: () => void): void {
    const release = () => {
      this.held.delete(release);
      answer();
    };
    this.held.add(release);
  }

  private answer(came: FakeProviderRequest): Answer {
    if (came.path === TOKEN_PATH) return this.token(came);
    if (came.path === REVOKE_PATH) return this.revoke(came);
    const { accepts = (each) => this.hasToken(each), routes = {}, lists = {} } = this.options;
    if (!accepts(came)) return { status: 401, body: { error: 'unauthorized' } };
    const ofWebhooks = routes[came.path] === undefined ? this.webhooks(came) : undefined;
    if (ofWebhooks !== undefined) return ofWebhooks;
    const body = routes[came.path] ?? lists[came.path] ?? { ok: true };
    return { status: 200, body };
  }

  private webhooks({ method, path, body }: FakeProviderRequest): Answer | undefined {
    if (path !== WEBHOOKS_PATH && !path.startsWith(`${WEBHOOKS_PATH}/`)) return undefined;
    if (method === 'GET')
      return {
        status: 200,
        body: { items: this.subscriptions.map(({ id, url, types }) => ({ id, url, types })) },
      };
    if (method === 'DELETE') {
      const wasThere = this.subscribed.delete(path.slice(WEBHOOKS_PATH.length + 1));
      return wasThere ? { status: 200, body: {} } : { status: 404, body: { error: 'not_found' } };
    }
    const {
      url,
      secret: signing,
      types,
    } = JSON.parse(body) as { url: string; secret: string; types: string[] };
    const id = secret('subscription');
    this.subscribed.set(id, { id, url, secret: signing, types });
    return { status: 201, body: { id } };
  }

  private hasToken({ headers }: FakeProviderRequest): boolean {
    const [, token = ''] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
    const found = this.accessTokens.get(token);
    return found !== undefined && found.expiresAt > Date.now() && found.grant?.isRevoked !== true;
  }

  private token(came: FakeProviderRequest): Answer {
    const form = new URLSearchParams(came.body);
    if (!this.isClient(came, form)) return refused('invalid_client', 401);
    switch (form.get('grant_type')) {
      case 'authorization_code':
        return this.exchange(form);
      case 'refresh_token':
        return this.refresh(form.get('refresh_token') ?? '');
      case 'client_credentials':
        return { status: 200, body: this.accessToken(undefined, form.get('scope') ?? '') };
      default:
        return refused('unsupported_grant_type');
    }
  }

  private isClient({ headers }: FakeProviderRequest, form: URLSearchParams): boolean {
    const { clientId, clientSecret } = this.endpoints;
    const [, basic = ''] = /^Basic (.+)$/.exec(headers.authorization ?? '') ?? [];
    const [id = '', password = ''] = Buffer.from(basic, 'base64')
      .toString()
      .split(':')
      .map(decodeURIComponent);
    const isBasic = id === clientId && password === clientSecret;
    return isBasic || (form.get('client_id') === clientId && form.get('client_secret') === clientSecret);
  }

  private exchange(form: URLSearchParams): Answer {
    const code = this.codes.get(form.get('code') ?? '');
    this.codes.delete(form.get('code') ?? '');
    const verifier = form.get('code_verifier') ?? '';
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    if (code === undefined || code.redirectUri !== form.get('redirect_uri')) return refused('invalid_grant');
    if (code.challenge !== null && code.challenge !== challenge) return refused('invalid_grant');
    const grant: Grant = { scope: code.scope, isRevoked: false, refreshToken: '' };
    this.grants.push(grant);
    return {
      status: 200,
      body: { ...this.accessToken(grant, grant.scope), ...this.nextRefreshToken(grant) },
    };
  }

  private refresh(refreshToken: string): Answer {
    const grant = this.byRefreshToken.get(refreshToken);
    if (grant === undefined || grant.isRevoked) return refused('invalid_grant');
    const { rotate = true, reuse = 'revoke' } = this.options.oauth ?? {};
    if (grant.refreshToken !== refreshToken) {
      this.reused++;
      if (reuse === 'revoke') grant.isRevoked = true;
      return refused('invalid_grant');
    }
    this.rotated++;
    const next = rotate ? this.nextRefreshToken(grant) : {};
    return { status: 200, body: { ...this.accessToken(grant, grant.scope), ...next } };
  }

  private nextRefreshToken(grant: Grant): { refresh_token: string } {
    grant.refreshToken = secret('refresh');
    this.byRefreshToken.set(grant.refreshToken, grant);
    return { refresh_token: grant.refreshToken };
  }

  private accessToken(grant: Grant | undefined, scope: string) {
    const { expiresInSeconds = 3_600 } = this.options.oauth ?? {};
    const token = secret('access');
    const expiresAt =
      expiresInSeconds === null ? Number.POSITIVE_INFINITY : Date.now() + expiresInSeconds * 1_000;
    this.accessTokens.set(token, { expiresAt, grant });
    return {
      access_token: token,
      token_type: 'Bearer',
      ...(expiresInSeconds === null ? {} : { expires_in: expiresInSeconds }),
      ...(scope === '' ? {} : { scope }),
    };
  }

  private revoke(came: FakeProviderRequest): Answer {
    const form = new URLSearchParams(came.body);
    if (!this.isClient(came, form)) return refused('invalid_client', 401);
    const token = form.get('token') ?? '';
    const grant = this.byRefreshToken.get(token) ?? this.accessTokens.get(token)?.grant;
    if (grant !== undefined) grant.isRevoked = true;
    return { status: 200, body: {} };
  }
}

/**
 * A delivery as a `FakeProvider` signs it, for tests that hand it to `IncomingWebhookService.accept`.
 *
 * @param signing the secret of the endpoint
 */
export function signedDelivery(
  type: string,
  data: unknown,
  signing: string,
): { readonly headers: Record<string, string>; readonly body: string } {
  const id = `msg_${randomUUID()}`;
  const seconds = String(Math.floor(Date.now() / 1_000));
  const body = JSON.stringify({ type, timestamp: new Date().toISOString(), data });
  const key = Buffer.from(signing.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return {
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': seconds,
      'webhook-signature': `v1,${signature}`,
    },
    body,
  };
}

function refused(error: string, status = 400): Answer {
  return { status, body: { error } };
}

function secret(kind: string): string {
  return `fake-${kind}-${randomBytes(16).toString('base64url')}`;
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  const isText = typeof body === 'string';
  const type = isText ? 'text/plain' : 'application/json';
  response.writeHead(status, { 'content-type': type, ...headers });
  response.end(isText ? body : JSON.stringify(body));
}
