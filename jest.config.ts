/** @jest-config-loader esbuild-register */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from 'jest';

/** The package by its own name: each subpath of `exports` in package.json is its file in src/. */
function subpaths(): [pattern: string, file: string][] {
  const { exports } = JSON.parse(readFileSync(join(__dirname, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { default: string }>;
  };
  return Object.entries(exports).flatMap(([subpath, target]): [string, string][] =>
    typeof target === 'string' || !target.default.endsWith('.js')
      ? []
      : [
          [
            `^nestjs-integration${subpath.slice(1)}$`,
            target.default.replace('./dist/', '<rootDir>/src/').replace(/\.js$/, '.ts'),
          ],
        ],
  );
}

/**
 * A file `*.fuzz.ts` tries thousands of cases that are chosen at random. That takes minutes, so such a file runs
 * only where the command line names it. `npm run proof:fuzz` names them all.
 */
const isFuzzNamed = process.argv.some((argument) => argument.includes('.fuzz'));

const config: Config = {
  testEnvironment: '<rootDir>/test/support/environment.mjs',
  testMatch: [
    '<rootDir>/src/**/*.spec.ts',
    '<rootDir>/test/**/*.spec.ts',
    ...(isFuzzNamed ? ['<rootDir>/test/**/*.fuzz.ts'] : []),
  ],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/starters/', '<rootDir>/test/browser/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    ...Object.fromEntries(subpaths()),
  },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/examples/.*/dist', '<rootDir>/test/starters'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
  setupFilesAfterEnv: ['<rootDir>/test/support/busy-clients.ts'],
  // A test that takes this long hangs. A machine that other work holds back has been seen to take a minute for what
  // takes a third of a second, so a test that is only slow does not fail by it.
  testTimeout: 180_000,
  // For two processors, because a spec uses half of one and waits for the rest of its time. With four, specs
  // that wait for many connections ran into their limits on a busy machine.
  maxWorkers: 3,
  // The modules of a file stay in memory when the file is done (Node 20, --experimental-vm-modules). Without this
  // limit, workers have been seen to hold 4 GB, which is all that Node gives them, and to collect garbage for minutes.
  workerIdleMemoryLimit: '1GB',
};

export default config;
