import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageFolder } from '../database/migrations/package-folder.js';
import { IntegrationError } from '../errors.js';

/**
 * Makes the error for a value that an adapter cannot use. Nothing here imports the library. So if the library
 * is not installed, the adapter only sees a value of the wrong kind, and the error says what to install.
 */
export function notTheClient(
  adapter: string,
  expected: string,
  pkg: string,
  given: unknown,
): IntegrationError {
  const said = `${adapter}(…) needs ${expected}, and was given ${describe(given)}`;
  if (isMissing(pkg)) {
    return new IntegrationError(
      'INTEGRATION_PEER_MISSING',
      `${said}. The package ${pkg} is not installed where nestjs-integration and the application are. Install it: npm install ${pkg}`,
      { package: pkg },
    );
  }
  return new IntegrationError('INTEGRATION_CLIENT_INVALID', said, { package: pkg });
}

/** Whether neither this package nor the application finds the library. False if this cannot be told. */
function isMissing(pkg: string): boolean {
  const own = packageFolder();
  // In a bundle, the library may be a part of the bundle. Then it cannot be looked for.
  if (own === undefined) return false;
  return [own, process.cwd()].every((folder) => !isFoundFrom(folder, pkg));
}

function isFoundFrom(folder: string, pkg: string): boolean {
  try {
    createRequire(join(folder, 'package.json')).resolve(pkg);
    return true;
  } catch (error) {
    // A package without an entry for `require` fails with another code, but it is installed.
    return (error as { code?: unknown }).code !== 'MODULE_NOT_FOUND';
  }
}

/** Says of what kind a value is, without showing its content. */
function describe(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (typeof value === 'function') return `the function ${value.name || 'without a name'}`;
  if (typeof value !== 'object') return `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  return typeof name === 'string' && name !== 'Object' ? `an instance of ${name}` : 'an object';
}
