import { createHash } from 'node:crypto';
import { checkNetworkRules, type NetworkRules } from '../../http/network-rules.js';
import type { OutgoingAnswer } from '../../http/outgoing-answer.js';
import { type ClientCertificate, OutgoingHttp, type OutgoingRequest } from '../../http/outgoing-http.js';
import type { Authorization } from './http-identity.js';

type Tls = NonNullable<Authorization['tls']>;

/** More than these are kept only while they send. */
const MOST_KEPT = 100;

interface Way {
  readonly http: OutgoingHttp;
  sending: number;
  /** Which request of all used it last. */
  usedBy: number;
}

/**
 * The ways out of this process: one for each set of network rules and each client certificate, so that a
 * connection that one certificate has opened is never used with another.
 */
export class WaysOut {
  private readonly ways = new Map<string, Way>();
  private readonly names = new WeakMap<NetworkRules, string>();
  private isClosed = false;
  private requests = 0;

  /** It never rejects because of the network. Throws for a certificate that cannot be read. */
  async send(network: NetworkRules, tls: Tls | undefined, request: OutgoingRequest): Promise<OutgoingAnswer> {
    const way = this.wayOf(network, tls);
    way.sending++;
    way.usedBy = ++this.requests;
    try {
      return await way.http.sendRequest(request);
    } finally {
      way.sending--;
    }
  }

  /** Ends all requests. What is sent later fails as `aborted`. */
  close(): void {
    this.isClosed = true;
    for (const { http } of this.ways.values()) http.close();
  }

  private wayOf(network: NetworkRules, tls: Tls | undefined): Way {
    const name = this.nameOf(network) + (tls === undefined ? '' : hashOf(tls.cert, tls.key, tls.ca ?? ''));
    const known = this.ways.get(name);
    if (known !== undefined) return known;
    const made = { http: this.open(network, tls), sending: 0, usedBy: this.requests };
    this.ways.set(name, made);
    if (this.ways.size > MOST_KEPT) this.closeIdle();
    return made;
  }

  private open(network: NetworkRules, tls: Tls | undefined): OutgoingHttp {
    const ca = [network.ca, tls?.ca].filter((each) => each !== undefined).join('\n');
    const rules = checkNetworkRules({ ...network, ...(ca === '' ? {} : { ca }) });
    const certificate: ClientCertificate | undefined =
      tls === undefined ? undefined : { cert: tls.cert, key: tls.key };
    const http = new OutgoingHttp(rules, undefined, certificate);
    if (this.isClosed) http.close();
    return http;
  }

  /** Closes the one that was used longest ago. */
  private closeIdle(): void {
    let oldest: [name: string, way: Way] | undefined;
    for (const [name, way] of this.ways)
      if (way.sending === 0 && way.usedBy < (oldest?.[1].usedBy ?? this.requests)) oldest = [name, way];
    if (oldest === undefined) return;
    oldest[1].http.close();
    this.ways.delete(oldest[0]);
  }

  private nameOf(network: NetworkRules): string {
    const known = this.names.get(network);
    if (known !== undefined) return known;
    const { allow = [], http = false, ports = [], ca = '', proxy = '' } = network;
    const name = hashOf(JSON.stringify([allow, http, ports, proxy]), String(ca));
    this.names.set(network, name);
    return name;
  }
}

function hashOf(...texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length} ${text}`);
  return hash.digest('base64');
}
