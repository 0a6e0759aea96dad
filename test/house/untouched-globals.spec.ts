import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
const { exports: subpaths } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  exports: Record<string, { default: string } | string>;
};
const FILES = Object.entries(subpaths).flatMap(([name, target]) =>
  typeof target === 'string' ? [] : [[name, target.default] as const],
);

/** Nest and its peers come first: what they do to a process is theirs. */
const SCRIPT = `
  await import('reflect-metadata');
  await import('@nestjs/common');
  await import('@nestjs/core');
  await import('pg');
  const look = () => Reflect.ownKeys(globalThis).map((key) => [key, Object.getOwnPropertyDescriptor(globalThis, key)]);
  const before = look();
  await import(process.argv[1]);
  const after = look();
  const same = (a, b) => a !== undefined && Object.is(a.value, b.value) && a.get === b.get && a.set === b.set;
  const known = new Map(before);
  const changed = after.filter(([key, now]) => !same(known.get(key), now)).map(([key]) => String(key));
  const gone = before.filter(([key]) => !Object.hasOwn(globalThis, key)).map(([key]) => String(key));
  console.log(JSON.stringify([...changed, ...gone]));`;

describe('importing a subpath', () => {
  it.each(FILES)('leaves globalThis as it was: %s', (_, file) => {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', SCRIPT, new URL(`file://${join(ROOT, file)}`).href],
      { cwd: ROOT, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
    );
    expect([stdout.trim(), stderr]).toEqual(['[]', '']);
  });
});
