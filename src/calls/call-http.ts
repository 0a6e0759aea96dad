import type { IncomingHttpHeaders } from 'node:http';
import { NonRetryableError, UnavailableError } from '../errors.js';
import type { OutgoingFailureKind } from '../http/outgoing-answer.js';
import type { OutgoingHttp } from '../http/outgoing-http.js';

const ANSWER_BYTES = 10_485_760;

export interface CallRequest {
  /** Default: POST with a body, GET without one. */
  method?: string | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON, with its content type. */
  json?: unknown;
  body?: string | Buffer | undefined;
}

/** An answer of any status. */
export interface CallAnswer {
  readonly status: number;
  /** Names in small letters. */
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The body as JSON. Throws if it is none. */
  json<T = unknown>(): T;
}

/** Nothing has left this process. */
const BEFORE_SENDING: readonly OutgoingFailureKind[] = ['dns', 'connect', 'tls', 'proxy'];

/** The other system may have taken the request. */
export class OutcomeUnknownError extends Error {
  override readonly name = 'OutcomeUnknownError';
}

/** The way out over HTTP for the methods of one type of calls. */
export class CallHttp {
  constructor(
    private readonly http: OutgoingHttp,
    private readonly signal: AbortSignal,
    private readonly endsAt: number,
  ) {}

  /**
   * Sends a request, and waits for its answer of any status until the time of the method is over. Redirects
   * are not followed. At most 10 MiB of the answer are taken.
   *
   * Rejects with an UnavailableError if nothing was sent, so that the call is tried again without counting
   * the attempt; with a NonRetryableError for a URL that the network rules refuse; and with an error whose
   * name is OutcomeUnknownError if the answer did not come.
   */
  async send(url: string, { method, headers = {}, json, body }: CallRequest = {}): Promise<CallAnswer> {
    const content = json === undefined ? body : JSON.stringify(json);
    const type = json === undefined ? {} : { 'content-type': 'application/json' };
    const wholeMs = Math.max(1, Math.ceil(this.endsAt - performance.now()));
    const answer = await this.http.sendRequest({
      url,
      method: method ?? (content === undefined ? 'GET' : 'POST'),
      headers: { ...type, ...headers },
      body: content,
      deadlines: { wholeMs },
      answerBytes: ANSWER_BYTES,
      signal: this.signal,
    });
    if (answer.is === 'failed') throw failureOf(answer.kind, answer.message);
    if (answer.isCut)
      throw new NonRetryableError(`The answer has more than ${ANSWER_BYTES} bytes, which is the limit`);
    const { status, headers: received, body: bytes } = answer;
    return {
      status,
      headers: received,
      body: bytes,
      json: <T>() => JSON.parse(bytes.toString('utf8')) as T,
    };
  }
}

function failureOf(kind: OutgoingFailureKind, message: string): Error {
  if (kind === 'refused') return new NonRetryableError(message);
  return BEFORE_SENDING.includes(kind) ? new UnavailableError(message) : new OutcomeUnknownError(message);
}
