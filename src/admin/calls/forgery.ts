import { headerOf } from '../../http/server-request.js';
import { RestProblem } from '../../rest/problem.js';
import type { AdminHttpRequest } from '../options/admin-options.js';

/**
 * A header that no HTML form can send, and that a page of another origin can only send after a preflight.
 */
export const WRITE_HEADER = 'x-integration-admin';

/**
 * Refuses requests that a page of another origin made a browser send. `Sec-Fetch-Site` is written by the
 * browser itself, so it decides where it is present. Browsers leave it out on plain http. There, `Origin`
 * must be the origin of the host that the request was sent to. Neither rule asks what the application's
 * CORS allows.
 *
 * @throws RestProblem INTEGRATION_ADMIN_FORGED
 */
export function refuseForgery(
  request: AdminHttpRequest,
  { isWrite, origins }: { readonly isWrite: boolean; readonly origins: readonly string[] },
): void {
  const origin = headerOf(request, 'origin');
  if (origin === undefined || !origins.includes(origin)) refuseForeignPage(request, origin, isWrite);
  if (isWrite && headerOf(request, WRITE_HEADER) === undefined) {
    throw forged('a write needs the header X-Integration-Admin, with any value');
  }
}

function refuseForeignPage(request: AdminHttpRequest, origin: string | undefined, isWrite: boolean): void {
  const site = headerOf(request, 'sec-fetch-site');
  if (site !== undefined) {
    // A link on another page may lead to something that is only read.
    const isLink = !isWrite && origin === undefined && headerOf(request, 'sec-fetch-mode') === 'navigate';
    if (site === 'same-origin' || site === 'none' || isLink) return;
    throw forged('the request comes from a page of another site');
  }
  if (origin !== undefined && !isOwnOrigin(origin, request)) {
    throw forged(
      'the request comes from a page of another origin. Name that origin in the option origins if its pages may use this API',
    );
  }
}

function isOwnOrigin(origin: string, request: AdminHttpRequest): boolean {
  const host = headerOf(request, 'host') ?? headerOf(request, ':authority');
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}

function forged(why: string): RestProblem {
  return new RestProblem(403, 'INTEGRATION_ADMIN_FORGED', `The request was refused: ${why}`);
}
