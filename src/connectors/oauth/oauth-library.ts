import type { webcrypto } from 'node:crypto';
import { loadPeer } from '../../words/optional-peer.js';

/** The metadata of a provider, as far as it is used (RFC 8414). */
export interface ServerMetadata {
  readonly issuer: string;
  readonly token_endpoint: string;
  readonly revocation_endpoint?: string;
  readonly authorization_response_iss_parameter_supported?: boolean;
}

export interface ClientMetadata {
  readonly client_id: string;
}

/** Puts what shows who the client is on a request. */
export type ClientAuth = (
  server: ServerMetadata,
  client: ClientMetadata,
  body: URLSearchParams,
  headers: Headers,
) => void | Promise<void>;

/** How a request of the library leaves the application. */
export type LibraryFetch = (
  url: string,
  request: { readonly body?: unknown; readonly headers: Record<string, string>; readonly method: string },
) => Promise<Response>;

export interface TokenEndpointAnswer {
  readonly access_token: string;
  readonly refresh_token?: string;
  readonly expires_in?: number;
  readonly scope?: string;
  readonly [name: string]: unknown;
}

interface RequestOptions {
  readonly signal?: AbortSignal;
  readonly additionalParameters?: URLSearchParams | Record<string, string>;
  readonly [option: symbol]: unknown;
}

/** What is used of oauth4webapi. */
export interface OAuthLibrary {
  readonly customFetch: symbol;
  readonly allowInsecureRequests: symbol;
  ClientSecretBasic(secret: string): ClientAuth;
  ClientSecretPost(secret: string): ClientAuth;
  None(): ClientAuth;
  PrivateKeyJwt(key: { readonly key: webcrypto.CryptoKey; readonly kid?: string }): ClientAuth;
  calculatePKCECodeChallenge(verifier: string): Promise<string>;
  generateRandomCodeVerifier(): string;
  generateRandomState(): string;
  generateRandomNonce(): string;
  validateAuthResponse(
    server: ServerMetadata,
    client: ClientMetadata,
    parameters: URLSearchParams,
    state: string,
  ): URLSearchParams;
  authorizationCodeGrantRequest(
    server: ServerMetadata,
    client: ClientMetadata,
    auth: ClientAuth,
    parameters: URLSearchParams,
    redirectUri: string,
    verifier: string | symbol,
    options: RequestOptions,
  ): Promise<Response>;
  readonly nopkce: symbol;
  processAuthorizationCodeResponse(
    server: ServerMetadata,
    client: ClientMetadata,
    response: Response,
    options: { readonly expectedNonce?: string; readonly requireIdToken?: boolean },
  ): Promise<TokenEndpointAnswer>;
  getValidatedIdTokenClaims(answer: TokenEndpointAnswer): Readonly<Record<string, unknown>> | undefined;
  refreshTokenGrantRequest(
    server: ServerMetadata,
    client: ClientMetadata,
    auth: ClientAuth,
    refreshToken: string,
    options: RequestOptions,
  ): Promise<Response>;
  processRefreshTokenResponse(
    server: ServerMetadata,
    client: ClientMetadata,
    response: Response,
  ): Promise<TokenEndpointAnswer>;
  clientCredentialsGrantRequest(
    server: ServerMetadata,
    client: ClientMetadata,
    auth: ClientAuth,
    parameters: URLSearchParams,
    options: RequestOptions,
  ): Promise<Response>;
  processClientCredentialsResponse(
    server: ServerMetadata,
    client: ClientMetadata,
    response: Response,
  ): Promise<TokenEndpointAnswer>;
  revocationRequest(
    server: ServerMetadata,
    client: ClientMetadata,
    auth: ClientAuth,
    token: string,
    options: RequestOptions,
  ): Promise<Response>;
  processRevocationResponse(response: Response): Promise<void>;
}

let loaded: Promise<OAuthLibrary> | undefined;

/** @throws IntegrationError INTEGRATION_PEER_MISSING if oauth4webapi is not installed */
export function loadOAuth(): Promise<OAuthLibrary> {
  loaded ??= loadPeer(
    'oauth4webapi',
    () => import('oauth4webapi') as Promise<unknown> as Promise<OAuthLibrary>,
    'oauth2(), oidc() and clientCredentials() of nestjs-integration/connectors',
  );
  return loaded;
}
