/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';
import config from './jest.config';

/** The dashboard in a real browser. `npm run test:browser` sees to it that there is one. */
const browser: Config = {
  ...config,
  testMatch: ['<rootDir>/test/browser/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  // The browser is the other worker: it has processes of its own.
  maxWorkers: 1,
};

export default browser;
