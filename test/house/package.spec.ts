import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { TRIED_VERSIONS } from '../../scripts/client-versions.mjs';

const ROOT = join(import.meta.dirname, '../..');

interface LockedPackage {
  version?: string;
  optionalDependencies?: Record<string, string>;
  hasInstallScript?: boolean;
}

function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(join(ROOT, name), 'utf8')) as T;
}

const { allowScripts, peerDependencies, peerDependenciesMeta } = readJson<{
  allowScripts: Record<string, boolean>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional?: boolean }>;
}>('package.json');
const { packages } = readJson<{ packages: Record<string, LockedPackage> }>('package-lock.json');

/** Where `name` is locked for the package at `path`: beside it, or in a folder above. */
function isLocked(path: string, name: string): boolean {
  for (let folder = path; ; folder = folder.slice(0, folder.lastIndexOf('/node_modules/'))) {
    if (`${folder}/node_modules/${name}` in packages) return true;
    if (!folder.includes('/node_modules/')) return `node_modules/${name}` in packages;
  }
}

describe('installing with npm ci', () => {
  it('works on every platform: the lock names the optional packages of all of them', () => {
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !isLocked(path, name)),
    );
    expect(missing).toEqual([]);
  });

  it('asks nobody about install scripts: each package that has one is allowed or denied', () => {
    const withScripts = Object.entries(packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript === true)
      .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
    expect(withScripts.filter((name) => !Object.hasOwn(allowScripts, name))).toEqual([]);
  });
});

describe('the ranges of the libraries that have an adapter', () => {
  /** The plain numbers of a range: `^0.3.20 || ^1.0.0` begins with 0.3.20, `>=0.40.0 <0.46.0` ends before 0.46.0. */
  const numbersOf = (range: string) => range.match(/\d+\.\d+\.\d+/g) ?? [];
  const libraries = Object.keys(peerDependencies).filter((name) =>
    [
      'typeorm-transactional',
      '@nestjs-cls/transactional',
      ...TRIED_VERSIONS.flatMap(({ packages }) => Object.keys(packages)),
    ].includes(name),
  );
  const triedOf = (name: string) => [
    packages[`node_modules/${name}`]?.version,
    ...TRIED_VERSIONS.map((each) => each.packages[name]),
  ];

  it.each(libraries)('are tried from their beginning on, and are optional: %s', (name) => {
    expect(peerDependenciesMeta[name]).toEqual({ optional: true });
    expect(triedOf(name)).toContain(numbersOf(peerDependencies[name] ?? '')[0]);
  });
});
