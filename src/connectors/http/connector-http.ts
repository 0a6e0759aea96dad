import { ConnectorFetch } from './connector-fetch.js';
import { type HttpAnswer, type HttpRequestOptions, writtenRequest } from './http-request.js';
import type { HttpSender } from './http-sender.js';
import { type HttpPage, type PageAnswer, type PagesOptions, pagesOf } from './pages.js';
import { readAnswer } from './read-answer.js';

/** The same as the global `fetch`. */
export type FetchThroughConnection = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/**
 * Requests to the other system of a connection, with its credentials. They go to the origins of the connector
 * only, keep its limits together with all other processes, and are repeated where that does no harm.
 *
 * All of its methods reject with an IntegrationError:
 *
 * - INTEGRATION_HTTP_FAILED: the answer is one of a failure, is not what was asked for, or did not come.
 * - INTEGRATION_HTTP_TIMEOUT: it did not come in time. INTEGRATION_HTTP_TOO_LARGE: it is too large.
 * - INTEGRATION_HTTP_ORIGIN_REFUSED: it was to go where credentials must not go.
 *   INTEGRATION_HTTP_ADDRESS_REFUSED: the network rules refuse where it was to go.
 * - INTEGRATION_RATE_LIMITED and INTEGRATION_CIRCUIT_OPEN: it may not be sent for `details.retryAfterMs`.
 *   In a handler of an event this is a PostponeError instead, so the event comes again then.
 * - INTEGRATION_CLOSED: the application is ending.
 *
 * `details` has the connector, the connection, the method, the path without its query, the attempt, and
 * as far as they are known the status and what the other system calls the request. It never has headers
 * or bodies.
 */
export class ConnectorHttp {
  /** For libraries that take a function like `fetch`. Answers of any status are answers there. */
  readonly fetch: FetchThroughConnection;

  constructor(private readonly sender: HttpSender) {
    const through = new ConnectorFetch(sender);
    this.fetch = (input, init) => through.fetch(input, init);
  }

  /** @returns the body of the answer */
  get<T = unknown>(path: string, options?: HttpRequestOptions<T>): Promise<T> {
    return this.bodyOf('GET', path, options);
  }

  post<T = unknown>(path: string, options?: HttpRequestOptions<T>): Promise<T> {
    return this.bodyOf('POST', path, options);
  }

  put<T = unknown>(path: string, options?: HttpRequestOptions<T>): Promise<T> {
    return this.bodyOf('PUT', path, options);
  }

  patch<T = unknown>(path: string, options?: HttpRequestOptions<T>): Promise<T> {
    return this.bodyOf('PATCH', path, options);
  }

  delete<T = unknown>(path: string, options?: HttpRequestOptions<T>): Promise<T> {
    return this.bodyOf('DELETE', path, options);
  }

  /** @returns the answer with its status and headers */
  async request<T = unknown>(
    method: string,
    path: string,
    options: HttpRequestOptions<T> = {},
  ): Promise<HttpAnswer<T>> {
    return readAnswer(await this.sender.send(writtenRequest(method, path, options)), options);
  }

  /**
   * The pages of a list, each asked for when it is wanted.
   *
   * ```ts
   * for await (const { items } of http.pages<Issue>('/issues', { type: 'link' })) await save(items);
   * ```
   *
   * @throws IntegrationError INTEGRATION_PAGINATION_LOOP besides those of all requests
   */
  pages<T = unknown>(path: string, options: PagesOptions<T>): AsyncGenerator<HttpPage<T>, void, undefined> {
    return pagesOf<T>((at, asked) => this.pageOf(at, asked), path, options);
  }

  private async pageOf(path: string, options: HttpRequestOptions): Promise<PageAnswer> {
    const sent = await this.sender.send(writtenRequest('GET', path, options));
    return { ...(await readAnswer(sent, options)), url: sent.url, of: sent.of };
  }

  private async bodyOf<T>(method: string, path: string, options?: HttpRequestOptions<T>): Promise<T> {
    return (await this.request(method, path, options)).body;
  }
}
