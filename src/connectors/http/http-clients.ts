import { ConnectorHttp } from './connector-http.js';
import type { HttpIdentity } from './http-identity.js';
import type { HttpParts } from './http-parts.js';
import { HttpSender } from './http-sender.js';

/** Makes the clients of connections. */
export class HttpClients {
  constructor(private readonly parts: HttpParts) {}

  /**
   * The client of one connection.
   *
   * @param identityOf is asked at each attempt of a request
   * @param signal ends all requests of this client
   */
  of(identityOf: () => HttpIdentity | Promise<HttpIdentity>, signal?: AbortSignal): ConnectorHttp {
    return new ConnectorHttp(new HttpSender(this.parts, identityOf, signal));
  }
}
