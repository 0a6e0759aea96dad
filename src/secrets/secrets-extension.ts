import { type Check, NotChecked } from '../maintenance/finding.js';
import type { IntegrationExtension } from '../module/extension.js';
import { KeyRotation } from './key-rotation.js';
import { KEYS_VARIABLE, keysOfEnvironment, type SecretKeys } from './secret-keys.js';
import { SecretParts } from './secret-parts.js';
import { SECRET_RIGHTS } from './secret-rights.store.js';

declare module '../admin/options/admin-action.js' {
  interface AddedAdminActions {
    'secrets.read': true;
    'secrets.rotate': true;
  }
}

/** How many secrets the doctor opens. */
const LOOKED_AT = 10_000;

/**
 * What secrets bring: views of them, commands, and the check that names those which cannot be opened. The
 * tables are among the engine's. Without keys, those of the environment are used.
 */
export function secretsExtension(keys: () => SecretKeys = keysOfEnvironment): IntegrationExtension {
  return {
    name: 'secrets',
    rights: () => [SECRET_RIGHTS],
    admin: async () => (await import('./secrets.admin.js')).secretsAdmin,
    commands: async () => (await import('./secrets.commands.js')).secretsCommands,
    checks: ({ db }) => [
      {
        name: 'secret-unreadable',
        severity: 'critical',
        run: async () => {
          const rotation = new KeyRotation(new SecretParts(() => db, keys));
          if (!(await rotation.hasSecrets())) return [];
          requireKeys(keys);
          return (await rotation.examine(LOOKED_AT)).map(({ message, details }) => ({
            about: [String(details.id)],
            finding: message,
            meaning:
              'It is set aside. Requests that need it cannot be signed or verified; other secrets are not affected.',
            fix: `Give the missing key back to all processes (${KEYS_VARIABLE}), restore the row from a backup, or store the secret again.`,
            details,
          }));
        },
      } satisfies Check,
    ],
  };
}

function requireKeys(keys: () => SecretKeys): void {
  try {
    keys();
  } catch (error) {
    throw new NotChecked(
      `no keys are known here (${KEYS_VARIABLE}); the DoctorService of an application knows its own: ${(error as Error).message}`,
    );
  }
}
