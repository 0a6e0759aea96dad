import { IntegrationError, messageOf } from '../errors.js';

/**
 * Loads an optional peer.
 *
 * @param importing `() => import('ajv')`; the package stands there as a literal, so that bundlers see it.
 * @param neededBy The subject of the message: `jsonSchema(…) of nestjs-integration/contracts`.
 * @throws IntegrationError INTEGRATION_PEER_MISSING with the command that installs it (`details.packages`)
 */
export async function loadPeer<T>(
  pkg: string,
  importing: () => Promise<T>,
  neededBy: string,
  packages: readonly string[] = [pkg],
): Promise<T> {
  try {
    return await importing();
  } catch (error) {
    throw isMissing(error, pkg) ? peerMissing(packages, neededBy, error) : error;
  }
}

/** Whether an import failed because the package itself is absent, and not a file that the package wants. */
function isMissing(error: unknown, pkg: string): boolean {
  const { code } = Object(error) as { code?: unknown };
  const isNotFound = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
  return isNotFound && new RegExp(`(package|module) '${pkg}['/]`, 'i').test(messageOf(error));
}

function peerMissing(packages: readonly string[], neededBy: string, cause: unknown): IntegrationError {
  const install = `npm install ${packages.join(' ')}`;
  return new IntegrationError(
    'INTEGRATION_PEER_MISSING',
    `${neededBy} needs ${packages.join(' and ')}, which is not installed where nestjs-integration and the application are. Install it: ${install}`,
    { packages: [...packages], install },
    { cause },
  );
}
