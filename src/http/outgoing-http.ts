import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { createSecureContext } from 'node:tls';
import { AbortGroups } from './abort-groups.js';
import { isConnectionHeader } from './connection-headers.js';
import { judgedAddresses, lookupOf } from './judged-addresses.js';
import type { CheckedNetworkRules } from './network-rules.js';
import type { OutgoingAnswer } from './outgoing-answer.js';
import { OutgoingExchange } from './outgoing-exchange.js';
import { secureTunnelAgent, type Tunnels, tunnelAgent } from './proxy-tunnel.js';
import { type RequestTarget, RequestTargets } from './request-targets.js';
import { askNameServers, type ResolveName } from './resolve-names.js';
import { UnderWay } from './under-way.js';

/** A request that leaves the application. */
export interface OutgoingRequest {
  readonly url: string;
  /** Default: POST. */
  readonly method?: string | undefined;
  /** What `isConnectionHeader` names is left out. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Buffer | undefined;
  readonly deadlines: OutgoingDeadlines;
  /** How many bytes of the body of the answer are kept. */
  readonly answerBytes: number;
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether it does no harm that the other side gets the request twice. Then it is sent anew, once, if a
   * connection that was kept was ended by the other side before anything of an answer came. Default: false,
   * and such a request fails as `reset`.
   */
  readonly isRepeatable?: boolean | undefined;
}

/** What a process proves with who it is, in PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/** In milliseconds, all from the beginning of the request. */
export interface OutgoingDeadlines {
  /** When a connection must be there, with its TLS. Default: 10,000, at most `wholeMs`. */
  readonly connectMs?: number | undefined;
  /** When the head of the answer must be there. Default: `wholeMs`. */
  readonly headersMs?: number | undefined;
  /** When the answer must be whole. */
  readonly wholeMs: number;
}

const CONNECT_MS = 10_000;
/**
 * How long a connection without a request is kept. Node's own servers end such connections after five
 * seconds, and whoever sends at this moment is reset. A server that says `Keep-Alive: timeout=…` is believed
 * where it says less.
 */
const IDLE_MS = 4_000;
/**
 * How many connections without a request are kept for one host. With fewer than are in flight to it, answers
 * that come together would end connections that the next requests need.
 */
const IDLE_PER_HOST = 256;
/** How long one address of several is tried alone. Node's 250 ms are less than some connections take. */
const ADDRESS_MS = 1_000;
/** The head of an answer, in bytes. */
const HEAD_BYTES = 16_384;

/**
 * The one way out over HTTP. It has agents of its own, so the application's global agents and its `fetch`
 * stay as they are, and nothing that they were told holds here.
 */
export class OutgoingHttp {
  private readonly underWay = new UnderWay<OutgoingExchange>();
  private readonly askedOfProxy = new Set<ClientRequest>();
  private readonly signals = new AbortGroups();
  private isClosed = false;
  private readonly targets: RequestTargets;
  private readonly agents: { readonly http: HttpAgent; readonly https: HttpsAgent };

  /**
   * @param resolve how names are looked up that are not allowed by name
   * @param certificate is shown to every server that asks for one, and to no proxy
   */
  constructor(
    rules: CheckedNetworkRules,
    resolve: ResolveName = askNameServers(),
    certificate?: ClientCertificate,
  ) {
    this.targets = new RequestTargets(rules);
    const kept = {
      keepAlive: true,
      timeout: IDLE_MS,
      maxFreeSockets: IDLE_PER_HOST,
      scheduling: 'lifo',
    } as const;
    const judged = judgedAddresses(rules, resolve);
    const trusted = {
      minVersion: 'TLSv1.2',
      ...(rules.ca === undefined ? {} : { ca: [...rules.ca] }),
    } as const;
    const secureContext = createSecureContext({ ...trusted, ...certificate });
    // Neither NODE_TLS_REJECT_UNAUTHORIZED nor a flag of the process opens what leaves here.
    const secured = { ...kept, secureContext, rejectUnauthorized: true };
    const { proxy } = rules;
    if (proxy === undefined) {
      const found = {
        lookup: lookupOf(judged),
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: ADDRESS_MS,
      };
      this.agents = {
        http: new HttpAgent({ ...kept, ...found }),
        https: new HttpsAgent({ ...secured, ...found }),
      };
      return;
    }
    const tunnels: Tunnels = {
      proxy,
      judged,
      secureContext: certificate === undefined ? secureContext : createSecureContext(trusted),
      openMs: CONNECT_MS,
      asked: this.askedOfProxy,
      isClosed: () => this.isClosed,
    };
    this.agents = { http: tunnelAgent(kept, tunnels), https: secureTunnelAgent(secured, tunnels) };
  }

  /**
   * Sends a request and waits for its answer. It never rejects: what goes wrong is an answer as well.
   * Redirects are not followed.
   */
  async sendRequest(request: OutgoingRequest): Promise<OutgoingAnswer> {
    const exchange = new OutgoingExchange(request.answerBytes, deadlinesOf(request.deadlines));
    const target = this.targets.of(request.url);
    if (typeof target === 'string') return exchange.refuse(target);
    const { signal, isRepeatable = false } = request;
    if (this.isClosed || signal?.aborted) return exchange.giveUp();
    const place = this.underWay.add(exchange);
    const answered = exchange.run(() => this.begin(target, request), isRepeatable);
    const leave = signal === undefined ? undefined : this.signals.join(signal, exchange);
    const answer = await answered;
    leave?.();
    this.underWay.remove(place);
    return answer;
  }

  /** Ends all connections and all requests under way, which fail as `aborted`. */
  close(): void {
    this.isClosed = true;
    for (const exchange of this.underWay.all()) exchange.abort();
    for (const asked of this.askedOfProxy) asked.destroy();
    this.agents.http.destroy();
    this.agents.https.destroy();
  }

  private begin(
    { isSecured, host, port, path, hostHeader, servername }: RequestTarget,
    { method = 'POST', headers = {}, body = '' }: OutgoingRequest,
  ): ClientRequest {
    const length = Buffer.byteLength(body);
    const hasBody = length > 0 || /^(?:POST|PUT|PATCH)$/i.test(method);
    // What is kept of an answer is read by people.
    const sent: Record<string, string> = { 'accept-encoding': 'identity' };
    for (const name of Object.keys(headers))
      if (!isConnectionHeader(name)) sent[name] = headers[name] as string;
    sent.host = hostHeader;
    if (hasBody) sent['content-length'] = String(length);
    const request = (isSecured ? httpsRequest : httpRequest)({
      agent: isSecured ? this.agents.https : this.agents.http,
      host,
      port,
      path,
      method,
      headers: sent,
      maxHeaderSize: HEAD_BYTES,
      insecureHTTPParser: false,
      ...(servername === undefined ? {} : { servername }),
    });
    // A text goes in one piece with the head, and bytes would go in a second one.
    request.end(body);
    return request;
  }
}

function deadlinesOf({ connectMs = CONNECT_MS, headersMs, wholeMs }: OutgoingDeadlines) {
  return {
    connecting: Math.min(connectMs, wholeMs),
    waiting: Math.min(headersMs ?? wholeMs, wholeMs),
    reading: wholeMs,
  };
}
