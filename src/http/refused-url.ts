import { isIP } from 'node:net';
import { type CheckedNetworkRules, hostOf } from './network-rules.js';

/** Names that no public resolver knows, and that inner ones lead inside. */
const INNER_NAMES = /(?:^|\.)(?:localhost|local|internal|intranet|home\.arpa)$/;

/**
 * Why no request is sent to a URL, as a sentence without its text, which may hold secrets. Undefined if
 * nothing is wrong with it as it is written; what its name leads to is judged when a connection is made.
 */
export function refusedUrl(url: string, rules: CheckedNetworkRules): string | undefined {
  const parsed = parsedUrl(url);
  return typeof parsed === 'string' ? parsed : refusedTarget(parsed, rules);
}

/**
 * The same for a URL that was parsed. A request goes to just this object, so both read its text in one way.
 */
export function refusedTarget(url: URL, rules: CheckedNetworkRules): string | undefined {
  if (url.protocol !== 'https:' && !(rules.http && url.protocol === 'http:'))
    return `The URL must begin with https:${rules.http ? ' or http:' : ''}`;
  if (url.username !== '' || url.password !== '')
    return 'The URL has a user or a password, which logs would show: send them in a header';
  const port = portOf(url);
  if (!rules.allowsPort(port)) return `The URL has the port ${port}, which is not allowed`;
  const host = hostOf(url);
  if (rules.allowsName(host)) return undefined;
  if (isIP(host) === 0) return problemOfName(host);
  const problem = rules.problemOfAddress(host);
  return problem === undefined ? undefined : `The URL has an address that ${problem}`;
}

/** A URL, or the sentence that says that it is none. */
export function parsedUrl(url: string): URL | string {
  return typeof url === 'string' && URL.canParse(url) ? new URL(url) : 'The URL cannot be read';
}

export function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port);
  return protocol === 'https:' ? 443 : 80;
}

function problemOfName(host: string): string | undefined {
  if (!host.includes('.') || INNER_NAMES.test(host))
    return 'The URL has a name that only an internal network knows';
  return undefined;
}
