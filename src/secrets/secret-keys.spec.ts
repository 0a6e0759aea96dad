import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { keysOfEnvironment, staticKeys } from './secret-keys.js';

/** A key with each kind of character, also those that no name has. */
const BASE64 = Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 7 + 251) % 256)).toString(
  'base64',
);
/** A key whose base64 without its end could be a name. */
const LIKE_A_NAME = Buffer.from('32 bytes whose base64 is a name!').toString('base64');
const HEX = randomBytes(32).toString('hex').replace(/^../, 'a1');

function refusalOf(make: () => unknown): { code: string; message: string; details: object } {
  try {
    make();
  } catch (error) {
    return error as { code: string; message: string; details: object };
  }
  throw new Error('it was not refused');
}

describe('INTEGRATION_KEYS that is not as it must be', () => {
  it.each([
    ['a key without a name', LIKE_A_NAME],
    ['a key with other characters and no name', BASE64],
    ['a key in base64url and no name', LIKE_A_NAME.replace(/=$/, '')],
    ['a key in hex and no name', HEX],
    ['a key in hex in the place of the name', `${HEX}=k1`],
    ['name and key the wrong way round', `${LIKE_A_NAME}=k1`],
    ['a key as the name of a key', `${LIKE_A_NAME.slice(0, 43)}=${BASE64}`],
    ['two keys without names', `${LIKE_A_NAME},${LIKE_A_NAME}`],
    ['a good key before one without a name', `k1=${BASE64},${LIKE_A_NAME}`],
    ['a key that is too short, without a name', LIKE_A_NAME.slice(0, 22).concat('==')],
    ['a key that is cut off', `k1=${LIKE_A_NAME.slice(0, 30)}`],
    ['one name for two keys', `k1=${LIKE_A_NAME},k1=${BASE64}`],
  ])('with %s is refused, and the message has nothing of the key', (_, text) => {
    const { code, message, details } = refusalOf(() => keysOfEnvironment({ INTEGRATION_KEYS: text }));
    expect(code).toBe('INTEGRATION_KEY_MISSING');
    expect(message).toMatch(/[Kk]ey \d of INTEGRATION_KEYS/);
    const said = message + JSON.stringify(details);
    for (const key of [LIKE_A_NAME, BASE64, HEX]) expect(said).not.toContain(key.slice(0, 12));
  });

  it('says the same of staticKeys', () => {
    const { message } = refusalOf(() => staticKeys({ k1: BASE64, [LIKE_A_NAME.slice(0, 43)]: '' }));
    expect(message).toContain('Key 2 of staticKeys()');
    expect(message).not.toContain(LIKE_A_NAME.slice(0, 12));
  });
});

it('keys with names of a person’s making are taken, the first one as the current one', () => {
  const names = [
    'k2026',
    'production.eu-west-1',
    'a'.repeat(43),
    'the-key-of-the-year-2026-of-the-team-of-ops',
    'K_1',
  ];
  for (const name of names) {
    expect(keysOfEnvironment({ INTEGRATION_KEYS: ` ${name} = ${BASE64} , old=${BASE64}` }).current).toBe(
      name,
    );
  }
});
