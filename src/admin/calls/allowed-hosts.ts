import { isIP } from 'node:net';
import { headerOf } from '../../http/server-request.js';
import { RestProblem } from '../../rest/problem.js';
import type { AdminCallOptions, AdminHttpRequest, AdminMountOptions } from '../options/admin-options.js';

/**
 * Refuses requests that were sent to a name which nobody has given to this API.
 *
 * Why: a page of a foreign site can let its own name lead to this server after it was loaded (DNS rebinding).
 * To the browser its requests are of one origin then, so neither `Sec-Fetch-Site` nor `Origin` tells them
 * apart. Only `Host` does: it has the name of the foreign site. Where people need credentials, the browser
 * has none for that name. With `access: 'open'` nobody needs any.
 *
 * An IP address and `localhost` need no list, because no foreign site has them as its name. A proxy that
 * writes the name of an upstream into `Host` has that name listed.
 */
export class AllowedHosts {
  private readonly names: ReadonlySet<string> | undefined;

  constructor(
    { allowedHosts, origins = [] }: AdminCallOptions,
    { access }: Pick<AdminMountOptions, 'access'>,
  ) {
    if (allowedHosts === undefined && access !== 'open') return;
    const own = origins.map((origin) => new URL(origin).hostname);
    this.names = new Set([...own, ...(allowedHosts ?? [])].map(normalized));
  }

  /** @throws RestProblem INTEGRATION_ADMIN_FORGED */
  refuseOthers(request: AdminHttpRequest): void {
    if (this.names === undefined) return;
    const name = nameIn(headerOf(request, 'host') ?? headerOf(request, ':authority') ?? '');
    if (name !== undefined && (isLocal(name) || this.names.has(name))) return;
    throw new RestProblem(
      403,
      'INTEGRATION_ADMIN_FORGED',
      'The request was refused: it was sent to a name that this API does not know. If the name is yours, list it in the option allowedHosts',
    );
  }
}

/** Whether a text is the name of a host, without a port. */
export function isHostName(text: string): boolean {
  return nameIn(text) === normalized(text);
}

/** The name in a header `Host`. Undefined if there is none. */
function nameIn(host: string): string | undefined {
  if (!/^[^\s/?#@\\]+$/.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  return normalized(new URL(`http://${host}`).hostname);
}

function isLocal(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}

/** Names do not depend on the case of letters, and may end with the point of the root. */
function normalized(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
