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
  const entries = Object.entries(keys);
  if (entries.length === 0) throw missing(`staticKeys() has no key: give at least one. ${HOW_TO_MAKE}`);
  return keysOf(entries, 'staticKeys()');
}

/** @param where what the messages call the place of the entries */
function keysOf(entries: readonly Entry[], where: string): SecretKeys {
  const byName = new Map<string, Buffer>();
  for (const [index, entry] of entries.entries()) {
    const [name] = entry;
    const which = `Key ${index + 1} of ${where}`;
    byName.set(name, keyOf(entry, which));
    const first = entries.findIndex(([other]) => other === name);
    if (first < index)
      throw missing(`${which} has the name of key ${first + 1}: each key needs a name of its own`);
  }
  const [current = ''] = byName.keys();
  const named = (name: string): Buffer => {
    const key = byName.get(name);
    if (key !== undefined) return key;
    const known = [...byName.keys()].join(', ');
    throw missing(
      `There is no key ${JSON.stringify(name)} (there are: ${known}). A key has to stay in ${KEYS_VARIABLE}, or in staticKeys(), until \`keys list\` shows that nothing is wrapped by it`,
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
  return keysOf(entries, KEYS_VARIABLE);
}

type Entry = readonly [name: string, key: string | Uint8Array];

const HOW_TO_MAKE = 'Make one with: openssl rand -base64 32';

/**
 * A key where a name belongs: 32 bytes in base64 without what fills it up, or in hex. A name of a person's
 * making does not look so.
 */
const BASE64_KEY = /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[\w-]{43}$/;
const HEX_KEY = /^(?=.*[a-f])(?=.*\d)[0-9a-f]{64}$/i;

/**
 * A message says which key is meant by its place. It contains neither the key nor the name, because the key
 * stands in the place of the name where somebody has left the name out: what is behind the `=` of a base64
 * text is nothing.
 */
function keyOf([name, key]: Entry, which: string): Buffer {
  if (name === '' || key.length === 0 || BASE64_KEY.test(name) || HEX_KEY.test(name))
    throw missing(`${which} has a name or a key only: write <name>=<key>. ${HOW_TO_MAKE}`);
  if (!NAME.test(name))
    throw missing(
      `The name of a key has from 1 to 127 letters, digits, points, dashes or underscores. ${which} has another one`,
    );
  // An object sorts names that are whole numbers, so the first one would be another one.
  if (/^\d+$/.test(name))
    throw missing(`${which} has a number as its name: put a letter in front of it, as in k1`);
  const bytes = typeof key === 'string' ? Buffer.from(key, 'base64') : Buffer.from(key);
  if (bytes.length === KEY_BYTES) return bytes;
  throw missing(`${which} must be ${KEY_BYTES} bytes, in base64 where it is a text. ${HOW_TO_MAKE}`);
}

function missing(message: string, details: Record<string, unknown> = {}): IntegrationError {
  return new IntegrationError('INTEGRATION_KEY_MISSING', message, details);
}
