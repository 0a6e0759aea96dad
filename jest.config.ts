/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';

const config: Config = {
  testEnvironment: '<rootDir>/test/support/environment.mjs',
  testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/starters/', '<rootDir>/test/browser/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^nestjs-integration$': '<rootDir>/src/index.ts',
    '^nestjs-integration/admin$': '<rootDir>/src/admin/index.ts',
    '^nestjs-integration/contracts$': '<rootDir>/src/contracts/index.ts',
    '^nestjs-integration/secrets$': '<rootDir>/src/secrets/index.ts',
    '^nestjs-integration/webhooks$': '<rootDir>/src/webhooks/index.ts',
    '^nestjs-integration/health$': '<rootDir>/src/health/index.ts',
    '^nestjs-integration/testing$': '<rootDir>/src/testing/index.ts',
    '^nestjs-integration/(typeorm|drizzle|kysely|mikro-orm|knex|sequelize|postgres-js|pg|cls)$':
      '<rootDir>/src/clients/$1.ts',
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
  testTimeout: 60_000,
  // For two processors, because a spec uses half of one and waits for the rest of its time.
  maxWorkers: 4,
};

export default config;
