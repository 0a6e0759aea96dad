import type { HttpIdentity } from '../http/http-identity.js';

export interface ConnectorHttp {
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  get<T = unknown>(path: string): Promise<T>;
}
export interface HttpClients {
  of(identityOf: () => HttpIdentity | Promise<HttpIdentity>, signal?: AbortSignal): ConnectorHttp;
}
