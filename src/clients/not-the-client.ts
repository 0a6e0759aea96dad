import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageFolder } from '../database/migrations/package-folder.js';
import { IntegrationError } from '../errors.js';

/**
 * The error for what an adapter was given in place of its library's own. Nothing here imports a library, so a
 * library that is not there shows as a value that is not what it should be.
 */
export function notTheClient(
  adapter: string,
  expected: string,
  pkg: string,
  given: unknown,
): IntegrationError {
  const said = `${adapter}(…) needs ${expected}, and was given ${describe(given)}.`;
  if (isMissing(pkg)) {
    return new IntegrationError(
      'INTEGRATION_PEER_MISSING',
      `${said} The package ${pkg} is not installed where nestjs-integration and the application are. Install it: npm install ${pkg}`,
      { package: pkg },
    );
  }
  return new IntegrationError('INTEGRATION_CLIENT_INVALID', said, { package: pkg });
}

/** Whether neither this package nor the application finds it. False where this cannot be told. */
function isMissing(pkg: string): boolean {
  const own = packageFolder();
  // In a bundle the library may be part of the bundle.
  if (own === undefined) return false;
  return [own, process.cwd()].every((folder) => !isFoundFrom(folder, pkg));
}

function isFoundFrom(folder: string, pkg: string): boolean {
  try {
    createRequire(join(folder, 'package.json')).resolve(pkg);
    return true;
  } catch (error) {
    // A package without an entry for `require` is there, and fails with another code.
    return (error as { code?: unknown }).code !== 'MODULE_NOT_FOUND';
  }
}

/** What a value is, and nothing of what is in it. */
function describe(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (typeof value === 'function') return `the function ${value.name || 'without a name'}`;
  if (typeof value !== 'object') return `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  return typeof name === 'string' && name !== 'Object' ? `an instance of ${name}` : 'an object';
}
