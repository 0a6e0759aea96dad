import { isIP } from 'node:net';
import { type CheckedNetworkRules, hostOf } from './network-rules.js';
import { parsedUrl, portOf, refusedTarget } from './refused-url.js';

/** Where a request goes, as its URL was parsed and judged. */
export interface RequestTarget {
  readonly isSecured: boolean;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly hostHeader: string;
  /** The name that the certificate must be for. Undefined for an address, and without TLS. */
  readonly servername: string | undefined;
}

const MOST_KEPT = 1_000;

/**
 * Parses and judges URLs, and keeps what came out for URLs that come again. That holds as long as the rules,
 * which never change. What a name leads to is not kept: it is judged whenever a connection is made.
 */
export class RequestTargets {
  private readonly known = new Map<string, RequestTarget | string>();

  constructor(private readonly rules: CheckedNetworkRules) {}

  /** The target of a URL, or why nothing is sent there. */
  of(url: string): RequestTarget | string {
    const known = this.known.get(url);
    if (known !== undefined) return known;
    if (this.known.size >= MOST_KEPT) this.known.clear();
    const target = this.judge(url);
    this.known.set(url, target);
    return target;
  }

  private judge(text: string): RequestTarget | string {
    const url = parsedUrl(text);
    if (typeof url === 'string') return url;
    const refused = refusedTarget(url, this.rules);
    if (refused !== undefined) return refused;
    const isSecured = url.protocol === 'https:';
    const host = hostOf(url);
    return {
      isSecured,
      host,
      port: portOf(url),
      path: url.pathname + url.search,
      hostHeader: url.host.replace(/\.(?=:\d+$|$)/, ''),
      servername: isSecured && isIP(host) === 0 ? host : undefined,
    };
  }
}
