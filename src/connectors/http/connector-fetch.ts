import type { IncomingHttpHeaders } from 'node:http';
import { isRepeatable } from './http-request.js';
import type { HttpSender } from './http-sender.js';
import { checkCoding } from './read-answer.js';

/** They have no body in a Response. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);
/** A path needs some URL before it is a Request. It is never sent. */
const ANY = 'https://path.invalid';

/**
 * `fetch` through a connection. It differs from the global one in what a connection adds, and in this: bodies
 * are read before they are sent and when they come, and what keeps a request from being sent is an
 * IntegrationError.
 */
export class ConnectorFetch {
  constructor(private readonly sender: HttpSender) {}

  async fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const isPath = typeof input === 'string' && !URL.canParse(input);
    const request = new Request(isPath ? ANY : input, init);
    const { method } = request;
    const headers = Object.fromEntries(request.headers);
    const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer());
    const answer = await this.sender.send(
      {
        method: method.toUpperCase(),
        path: isPath ? (input as string) : request.url,
        query: undefined,
        headers,
        body,
        isRepeatable: isRepeatable(method, headers),
        timeoutMs: undefined,
        signal: init?.signal ?? (input instanceof Request ? input.signal : undefined),
        followsRedirects: request.redirect === 'follow',
      },
      () => true,
    );
    checkCoding(answer);
    const { status } = answer;
    const response = new Response(WITHOUT_BODY.has(status) ? null : new Uint8Array(answer.body), {
      status,
      headers: headersOf(answer.headers),
    });
    Object.defineProperty(response, 'url', { value: answer.url.href });
    return response;
  }
}

function headersOf(given: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given))
    for (const each of [value].flat()) if (each !== undefined) headers.append(name, each);
  return headers;
}
