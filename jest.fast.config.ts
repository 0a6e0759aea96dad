/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';
import config from './jest.config';

// Properties are tried with a quarter of the sequences here; `npm test` tries all.
process.env.MODEL_RUNS ??= '100';
process.env.MODEL_SHARE ??= '0.25';

/** The tests that need no database: the algorithms beside their code. */
const fast: Config = {
  ...config,
  testMatch: ['<rootDir>/src/**/*.spec.ts'],
  globalSetup: undefined,
  globalTeardown: undefined,
  setupFilesAfterEnv: [],
};

export default fast;
