import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { KEYS_VARIABLE, staticKeys } from './secret-keys.js';
import { SecretsModule, type SecretsModuleOptions } from './secrets.module.js';

const KEY = randomBytes(32).toString('base64');
const SILENT = { log: () => {}, warn: () => {}, error: () => {} };
const before = process.env[KEYS_VARIABLE];

async function boot(options?: SecretsModuleOptions): Promise<void> {
  const module = await Test.createTestingModule({ imports: [SecretsModule.forRoot(options)] })
    .setLogger(SILENT)
    .compile();
  await module.init();
  await module.close();
}

beforeEach(() => {
  delete process.env[KEYS_VARIABLE];
});
afterEach(() => {
  if (before === undefined) delete process.env[KEYS_VARIABLE];
  else process.env[KEYS_VARIABLE] = before;
});

describe('the boot with SecretsModule', () => {
  it.each([undefined, '', ' ', 'k1=AA==', KEY])('fails where INTEGRATION_KEYS is %j', async (text) => {
    if (text !== undefined) process.env[KEYS_VARIABLE] = text;
    await expect(boot()).rejects.toMatchObject({ code: 'INTEGRATION_KEY_MISSING' });
  });

  it('takes keys of the environment that are there when the application starts', async () => {
    const module = SecretsModule.forRoot();
    process.env[KEYS_VARIABLE] = `k1=${KEY}`;
    const made = await Test.createTestingModule({ imports: [module] })
      .setLogger(SILENT)
      .compile();
    await expect(made.init()).resolves.toBeDefined();
    await made.close();
  });

  it('takes given keys, and those of a service elsewhere', async () => {
    await boot({ keys: staticKeys({ k1: KEY }) });
    class Kms {
      readonly current = 'arn:aws:kms:key';
      wrap = (dataKey: Buffer) => dataKey;
      unwrap = (_: string, wrapped: Buffer) => wrapped;
    }
    await boot({ keys: new Kms() });
  });

  it.each([
    ['an option that is none', { key: staticKeys({ k1: KEY }) }, /key is not an option .*did you mean keys/],
    ['keys without functions', { keys: { current: 'k1' } }, /keys must be what staticKeys\(\) returns/],
    ['a text', { keys: KEY }, /keys must be what staticKeys\(\) returns/],
    ['null', { keys: null }, /keys must be what staticKeys\(\) returns/],
  ])('is refused with %s, without saying a key', (_, options, message) => {
    const make = () => SecretsModule.forRoot(options as never);
    expect(make).toThrow(
      expect.objectContaining({
        code: 'INTEGRATION_OPTIONS_INVALID',
        message: expect.stringMatching(message),
      }),
    );
    expect(make).not.toThrow(KEY);
  });
});
