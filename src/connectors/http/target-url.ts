import { originRefused, type RequestOfError } from './http-errors.js';
import type { HttpIdentity } from './http-identity.js';

export type QueryValue = string | number | boolean | null | undefined;
/** What stands behind the question mark. A list gives its name several times; null and undefined give nothing. */
export type Query = Readonly<Record<string, QueryValue | readonly QueryValue[]>>;

const ABSOLUTE = /^[a-z][a-z0-9+.-]*:/i;

/**
 * The URL of a path below the base URL, or of a whole URL.
 *
 * @throws IntegrationError INTEGRATION_HTTP_ORIGIN_REFUSED if it is none of the connector's origins, or has a
 *   user or a password
 */
export function targetUrl(identity: HttpIdentity, of: RequestOfError, path: string, query: Query = {}): URL {
  const text = ABSOLUTE.test(path) ? path : below(identity.baseUrl, path);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw originRefused(of, 'a URL that cannot be read', originsOf(identity));
  checkOrigin(identity, of, url);
  for (const [name, value] of Object.entries(query))
    for (const each of [value].flat() as QueryValue[])
      if (each !== null && each !== undefined) url.searchParams.append(name, String(each));
  return url;
}

/** What a link or a redirect says, read at the URL that said it. */
export function linkedUrl(identity: HttpIdentity, of: RequestOfError, link: string, at: URL): URL {
  const url = URL.canParse(link, at.href) ? new URL(link, at) : undefined;
  if (url === undefined) throw originRefused(of, 'a URL that cannot be read', originsOf(identity));
  checkOrigin(identity, of, url);
  return url;
}

/** Scheme, host and port must be those of an origin. */
export function checkOrigin(identity: HttpIdentity, of: RequestOfError, url: URL): void {
  const allowed = originsOf(identity);
  if (url.username !== '' || url.password !== '')
    throw originRefused(of, 'a URL with a user or a password', allowed);
  if (!allowed.includes(url.origin)) throw originRefused(of, saidOrigin(url), allowed);
}

/** The path without the query, as errors show it. */
export function shownPath(path: string): string {
  const [whole = ''] = path.split(/[?#]/, 1);
  if (!ABSOLUTE.test(whole)) return whole.startsWith('/') ? whole : `/${whole}`;
  // What stands behind other schemes is no path.
  return /^https?:/i.test(whole) && URL.canParse(whole) ? new URL(whole).pathname : '/';
}

function below(baseUrl: string, path: string): string {
  const { origin, pathname } = new URL(baseUrl);
  const base = origin + pathname.replace(/\/+$/, '');
  return path === '' || /^[/?#]/.test(path) ? base + path : `${base}/${path}`;
}

function originsOf({ baseUrl, origins }: HttpIdentity): readonly string[] {
  return [...new Set([baseUrl, ...origins].map((each) => new URL(each).origin))];
}

function saidOrigin({ origin, protocol }: URL): string {
  return origin === 'null' ? protocol : origin;
}
