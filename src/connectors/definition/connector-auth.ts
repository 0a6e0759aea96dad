import type { Configured, FromSecret } from './from-config.js';

/** A text, a variable, or a function of the config of the connection. */
export type Endpoint<Config = never> = Configured | ((config: Config) => string);

/** How a client shows the provider who it is, by the names of RFC 8414. */
export type ClientAuthentication = 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt' | 'none';

/** Who the application is to the provider. */
export interface OAuthClientOptions {
  clientId: Configured | FromSecret;
  /** Needed by `client_secret_basic` and `client_secret_post`. */
  clientSecret?: Configured | FromSecret | undefined;
  /** Default: `client_secret_basic` with a secret, `private_key_jwt` with a key, else `none`. */
  clientAuthentication?: ClientAuthentication | undefined;
  /** For `private_key_jwt`: a private key in PEM (PKCS #8). */
  privateKey?: Configured | FromSecret | undefined;
  /** The `kid` of the key. */
  keyId?: Configured | undefined;
  /** Default: RS256. */
  algorithm?: 'RS256' | 'PS256' | 'ES256' | 'EdDSA' | undefined;
}

/** In what the answers of a provider differ from RFC 6749. */
export interface TokenQuirks {
  /** The answer is a form (`access_token=…&scope=…`) and no JSON. */
  form?: boolean | undefined;
  /** Errors come with the status 200. */
  errorIn200?: boolean | undefined;
  /**
   * The provider's names of errors, and what they are called in RFC 6749: `{ bad_refresh_token:
   * 'invalid_grant' }`.
   */
  errors?: Readonly<Record<string, string>> | undefined;
  /** The type of a token whose answer names none. Default: answers without a type are refused. */
  tokenType?: string | undefined;
  /** How long a token is valid whose answer does not say it. Default: until the provider refuses it. */
  expiresInSeconds?: number | undefined;
  /** Stands between two scopes. Default: a space. */
  scopeSeparator?: string | undefined;
}

/** What modes with a token endpoint have in common. */
export interface TokenEndpointOptions<Config = never> extends OAuthClientOptions {
  tokenEndpoint: Endpoint<Config>;
  revocationEndpoint?: Endpoint<Config> | undefined;
  scopes?: readonly string[] | undefined;
  /** Further parameters of requests to the token endpoint, such as `audience`. */
  tokenParameters?: Readonly<Record<string, string>> | undefined;
  quirks?: TokenQuirks | undefined;
}

export interface OAuth2Options<Config = never> extends TokenEndpointOptions<Config> {
  authorizationEndpoint: Endpoint<Config>;
  /**
   * Says whose account it is (OpenID Connect Core, 5.3). It is asked once, with the first token. What it says
   * is `userinfo` of the answer that `account` gets. Without `account`, its `email`, `preferred_username` or
   * `sub` is taken. If it fails, the account stays unknown.
   */
  userinfoEndpoint?: Endpoint<Config> | undefined;
  /** The `iss` of the provider's answers (RFC 9207). An answer without it is refused if it is given. */
  issuer?: Endpoint<Config> | undefined;
  /** Default: true. */
  pkce?: boolean | undefined;
  /** Further parameters of the page to which a person is sent, such as `access_type`. */
  authorizationParameters?: Readonly<Record<string, string>> | undefined;
  /** Whose account it is, of the answer with the first token, and of `userinfo`. */
  account?: ((answer: Readonly<Record<string, unknown>>) => string | undefined) | undefined;
}

/** `issuer` is the `iss` of the ID token, which has to be there. */
export interface OidcOptions<Config = never> extends OAuth2Options<Config> {
  issuer: Endpoint<Config>;
}

export type ClientCredentialsOptions<Config = never> = TokenEndpointOptions<Config>;

/** Either a header or a parameter of the query. */
export interface ApiKeyOptions {
  /** The name of the secret. Default: `apiKey`. */
  secret?: string | undefined;
  header?: string | undefined;
  /** Stands before the key in the header: `Token `. */
  prefix?: string | undefined;
  query?: string | undefined;
}

export interface BasicOptions {
  /** The name of the secret with the user. Default: `username`. */
  username?: string | undefined;
  /** The name of the secret with the password. Default: `password`. */
  password?: string | undefined;
}

export interface BearerOptions {
  /** The name of the secret. Default: `token`. */
  secret?: string | undefined;
}

export interface MtlsOptions {
  /** The name of the secret with the certificate in PEM. Default: `certificate`. */
  certificate?: string | undefined;
  /** The name of the secret with its private key in PEM. Default: `key`. */
  key?: string | undefined;
  /**
   * The name of the secret with the authority of the provider in PEM. Without it: those of the network rules.
   */
  ca?: string | undefined;
}

/** A request on its way, for a connector that puts its credentials on it. */
export interface SignedRequest {
  readonly url: URL;
  readonly headers: Headers;
  readonly method: string;
  readonly body?: Uint8Array | undefined;
}

/** What a connector with its own way has of a connection. */
export interface CustomCredentials<Config = never> {
  readonly config: Config;
  readonly secrets: Readonly<Record<string, string>>;
  /** What `refresh` has returned last. Undefined before. */
  readonly token: TokenSet | undefined;
}

export interface CustomOptions<Config = never> {
  /** Puts the credentials on a request. It may change `url` and `headers`. */
  apply(request: SignedRequest, credentials: CustomCredentials<Config>): void | Promise<void>;
  /**
   * Gets a token. It is called when there is none, when it is about to expire, and when the provider refuses
   * it. One process at a time calls it for one connection. What it throws counts as a failure.
   */
  refresh?(credentials: CustomCredentials<Config>, signal: AbortSignal): Promise<TokenSet>;
}

/** Tokens as a provider has given them. */
export interface TokenSet {
  readonly accessToken: string;
  readonly refreshToken?: string | undefined;
  /** For how many seconds it is valid from now on. Without it: until the provider refuses it. */
  readonly expiresInSeconds?: number | undefined;
  /** Undefined if the provider does not say it. */
  readonly scopes?: readonly string[] | undefined;
}

/** How the requests of a connector show who they come from. `oauth2()`, `bearer()` and the others make it. */
export type ConnectorAuth =
  | { readonly mode: 'oauth2'; readonly options: OAuth2Options }
  | { readonly mode: 'oidc'; readonly options: OidcOptions }
  | { readonly mode: 'clientCredentials'; readonly options: ClientCredentialsOptions }
  | { readonly mode: 'apiKey'; readonly options: ApiKeyOptions }
  | { readonly mode: 'basic'; readonly options: BasicOptions }
  | { readonly mode: 'bearer'; readonly options: BearerOptions }
  | { readonly mode: 'mtls'; readonly options: MtlsOptions }
  | { readonly mode: 'custom'; readonly options: CustomOptions };

export type AuthMode = ConnectorAuth['mode'];

/** A person agrees at the provider, who gives tokens (RFC 6749, authorization code; RFC 7636). */
export function oauth2<Config = never>(options: OAuth2Options<Config>): ConnectorAuth {
  return { mode: 'oauth2', options };
}

/** The same with an ID token, which is checked. The scope `openid` is asked for. */
export function oidc<Config = never>(options: OidcOptions<Config>): ConnectorAuth {
  return { mode: 'oidc', options };
}

/** The application itself gets tokens (RFC 6749, client credentials). */
export function clientCredentials<Config = never>(options: ClientCredentialsOptions<Config>): ConnectorAuth {
  return { mode: 'clientCredentials', options };
}

/** A key in a header or in the query. */
export function apiKey(options: ApiKeyOptions): ConnectorAuth {
  return { mode: 'apiKey', options };
}

/** A user and a password. */
export function basic(options: BasicOptions = {}): ConnectorAuth {
  return { mode: 'basic', options };
}

/** A token that somebody has made at the provider. */
export function bearer(options: BearerOptions = {}): ConnectorAuth {
  return { mode: 'bearer', options };
}

/** A client certificate. */
export function mtls(options: MtlsOptions = {}): ConnectorAuth {
  return { mode: 'mtls', options };
}

/** A way of the connector's own. */
export function custom<Config = never>(options: CustomOptions<Config>): ConnectorAuth {
  return { mode: 'custom', options };
}

/** Whether tokens come from a token endpoint. */
export function hasTokenEndpoint(
  auth: ConnectorAuth,
): auth is Extract<ConnectorAuth, { mode: 'oauth2' | 'oidc' | 'clientCredentials' }> {
  return auth.mode === 'oauth2' || auth.mode === 'oidc' || auth.mode === 'clientCredentials';
}

/** Whether a person has to agree. */
export function needsConsent(
  auth: ConnectorAuth,
): auth is Extract<ConnectorAuth, { mode: 'oauth2' | 'oidc' }> {
  return auth.mode === 'oauth2' || auth.mode === 'oidc';
}

/** The names of the secrets that a mode needs of each connection. */
export function secretsOfAuth({ mode, options }: ConnectorAuth): string[] {
  switch (mode) {
    case 'apiKey':
      return [options.secret ?? 'apiKey'];
    case 'basic':
      return [options.username ?? 'username', options.password ?? 'password'];
    case 'bearer':
      return [options.secret ?? 'token'];
    case 'mtls':
      return [
        options.certificate ?? 'certificate',
        options.key ?? 'key',
        ...(options.ca === undefined ? [] : [options.ca]),
      ];
    default:
      return [];
  }
}
