import { originRefused, type RequestOfError } from './http-errors.js';
import type { HttpIdentity } from './http-identity.js';

export type QueryValue = string | number | boolean | null | undefined;
/**
 * What stands behind the question mark. A list gives its name several times; null and undefined give
 * nothing.
 */
export type Query = Readonly<Record<string, QueryValue | readonly QueryValue[]>>;

const ABSOLUTE = /^[a-z][a-z0-9+.-]*:/i;

/** Where the credentials of a connection may go, as it was read of its identity. */
export class Destinations {
  private readonly prefix: string;
  /** As origins: scheme, host and port. */
  private readonly allowed: readonly string[];

  private constructor(
    private readonly baseUrl: string,
    private readonly origins: readonly string[],
  ) {
    const { origin, pathname } = new URL(baseUrl);
    this.prefix = origin + pathname.replace(/\/+$/, '');
    this.allowed = [...new Set([origin, ...origins.map((each) => new URL(each).origin)])];
  }

  /** @param known those of the identity before, which is nearly always the same */
  static of({ baseUrl, origins }: HttpIdentity, known: Destinations | undefined): Destinations {
    const isSame =
      known !== undefined &&
      known.baseUrl === baseUrl &&
      known.origins.length === origins.length &&
      known.origins.every((each, i) => each === origins[i]);
    return isSame ? known : new Destinations(baseUrl, [...origins]);
  }

  /**
   * The URL of a path below the base URL, or of a whole URL.
   *
   * @throws IntegrationError INTEGRATION_HTTP_ORIGIN_REFUSED if it is none of the connector's origins, or has
   *   a user or a password
   */
  urlOf(of: RequestOfError, path: string, query: Query = {}): URL {
    const url = this.checked(of, parsed(ABSOLUTE.test(path) ? path : this.below(path)));
    for (const name in query)
      for (const each of [query[name]].flat() as QueryValue[])
        if (each !== null && each !== undefined) url.searchParams.append(name, String(each));
    return url;
  }

  /** What a redirect says, read at the URL that said it. */
  linked(of: RequestOfError, link: string, at: URL): URL {
    return this.checked(of, parsed(link, at.href));
  }

  /** Scheme, host and port must be those of an origin. */
  checked(of: RequestOfError, url: URL | undefined): URL {
    if (url === undefined) throw originRefused(of, 'a URL that cannot be read', this.allowed);
    if (url.username !== '' || url.password !== '')
      throw originRefused(of, 'a URL with a user or a password', this.allowed);
    if (!this.allowed.includes(url.origin)) throw originRefused(of, saidOrigin(url), this.allowed);
    return url;
  }

  private below(path: string): string {
    return path === '' || /^[/?#]/.test(path) ? this.prefix + path : `${this.prefix}/${path}`;
  }
}

/** The path without the query, as errors show it. */
export function shownPath(path: string): string {
  const [whole = ''] = path.split(/[?#]/, 1);
  if (!ABSOLUTE.test(whole)) return whole.startsWith('/') ? whole : `/${whole}`;
  // What stands behind other schemes is no path.
  return /^https?:/i.test(whole) ? (parsed(whole)?.pathname ?? '/') : '/';
}

function parsed(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}

function saidOrigin({ origin, protocol }: URL): string {
  return origin === 'null' ? protocol : origin;
}
