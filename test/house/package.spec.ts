import { existsSync, readFileSync } from 'node:fs';
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

describe('the subpaths of the package', () => {
  const { exports, typesVersions } = readJson<{
    exports: Record<string, string | { types: string; default: string }>;
    typesVersions: { '*': Record<string, readonly string[]> };
  }>('package.json');
  const { paths } = readJson<{ compilerOptions: { paths: Record<string, readonly [string]> } }>(
    'tsconfig.json',
  ).compilerOptions;
  const subpaths = Object.entries(exports).flatMap(([subpath, target]) =>
    typeof target === 'string' || subpath === '.' ? [] : [{ name: subpath.slice(2), ...target }],
  );

  it('are the same for compilers that do not read exports', () => {
    const types = Object.fromEntries(subpaths.map(({ name, types }) => [name, [types]]));
    expect(typesVersions['*']).toEqual(types);
  });

  it('are files of src/, where the compiler of this repository finds each by its name', () => {
    const found = (name: string) =>
      paths[name]?.[0] ??
      paths['nestjs-integration/*']?.[0].replace('*', name.slice(name.lastIndexOf('/') + 1));
    const modules = subpaths.filter(({ name, default: file }) => file.endsWith('.js') && !name.includes('/'));
    for (const { name, default: file } of modules) {
      const source = file.replace('./dist/', './src/').replace(/\.js$/, '.ts');
      expect([name, found(`nestjs-integration/${name}`)]).toEqual([name, source]);
      expect(existsSync(join(ROOT, source))).toBe(true);
    }
  });
});
