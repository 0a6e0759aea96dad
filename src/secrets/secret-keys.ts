import { IntegrationError } from '../errors.js';
import { KEY_BYTES, open, type SealedAs, seal } from './sealing.js';

/**
 * The keys that wrap the data keys of tenants. `staticKeys()` has them in memory. For a KMS, `wrap` and
 * `unwrap` call it. Both get what the data key is for (`as`), which a KMS takes as its encryption context:
 * bytes that were wrapped for one tenant must not be unwrapped for another one.
 */
export interface SecretKeys {
  /** The name of the key that wraps from now on: at most 127 characters. */
  readonly current: string;
  wrap(dataKey: Buffer, as: SealedAs): Buffer | Promise<Buffer>;
  /** Rejects if there is no key of this name, or if the key does not fit. */
  unwrap(keyName: string, wrapped: Buffer, as: SealedAs): Buffer | Promise<Buffer>;
}

/**
 * The environment variable that names the keys: `k2026=<base64>,k2025=<base64>`. The first one is current.
 */
export const KEYS_VARIABLE = 'INTEGRATION_KEYS';

const NAME = /^[\w.-]{1,127}$/;

/**
 * Keys that the process has in memory, by their names. Each is 32 bytes, or their base64. The first one wraps
 * from now on. The others are there for what they have wrapped.
 *
 * @throws IntegrationError INTEGRATION_KEY_MISSING if there is no key, or if one is not 32 bytes
 */
export function staticKeys(keys: Readonly<Record<string, string | Uint8Array>>): SecretKeys {
  const byName = new Map(Object.entries(keys).map(([name, key]) => [name, keyOf(name, key)]));
  const [current] = byName.keys();
  if (current === undefined) throw missing(`staticKeys() has no key: give at least one. ${HOW_TO_MAKE}`);
  const named = (name: string): Buffer => {
    const key = byName.get(name);
    if (key !== undefined) return key;
    const known = [...byName.keys()].join(', ');
    throw missing(
      `There is no key ${JSON.stringify(name)} (there are: ${known}). A key has to stay in ${KEYS_VARIABLE}, or in staticKeys(), until \`keys list\` shows that nothing is wrapped by it.`,
      { keyName: name },
    );
  };
  return {
    current,
    wrap: (dataKey, as) => seal(named(current), dataKey, as),
    unwrap: (name, wrapped, as) => open(named(name), wrapped, as),
  };
}

/**
 * The keys of the environment.
 *
 * @throws IntegrationError INTEGRATION_KEY_MISSING if there are none, or if the text is not as it must be
 */
export function keysOfEnvironment(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): SecretKeys {
  const text = environment[KEYS_VARIABLE]?.trim() ?? '';
  if (text === '')
    throw missing(`Secrets need a key: set ${KEYS_VARIABLE} to <name>=<32 bytes in base64>. ${HOW_TO_MAKE}`);
  const entries = text.split(',').map((entry) => {
    const at = entry.indexOf('=');
    return [entry.slice(0, Math.max(at, 0)).trim(), entry.slice(at + 1).trim()] as const;
  });
  const names = entries.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw missing(`${KEYS_VARIABLE} names the key ${JSON.stringify(twice)} twice`);
  return staticKeys(Object.fromEntries(entries));
}

const HOW_TO_MAKE = 'Make one with: openssl rand -base64 32';

/** The message does not contain the key, and not a part of it. */
function keyOf(name: string, key: string | Uint8Array): Buffer {
  if (!NAME.test(name))
    throw missing('The name of a key has from 1 to 127 letters, digits, points, dashes or underscores');
  // An object sorts names that are whole numbers, so the first one would be another one.
  if (/^\d+$/.test(name)) throw missing(`The name of a key must not be a number: call it "k${name}"`);
  const bytes = typeof key === 'string' ? Buffer.from(key, 'base64') : Buffer.from(key);
  if (bytes.length === KEY_BYTES) return bytes;
  throw missing(`The key "${name}" must be ${KEY_BYTES} bytes, in base64 where it is a text. ${HOW_TO_MAKE}`);
}

function missing(message: string, details: Record<string, unknown> = {}): IntegrationError {
  return new IntegrationError('INTEGRATION_KEY_MISSING', message, details);
}
