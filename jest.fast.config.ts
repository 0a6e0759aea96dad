/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';
import config from './jest.config';

/** The tests that need no database: the algorithms beside their code. */
const fast: Config = {
  ...config,
  testMatch: ['<rootDir>/src/**/*.spec.ts'],
  globalSetup: undefined,
  globalTeardown: undefined,
};

export default fast;
