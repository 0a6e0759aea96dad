/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';
import config from './jest.config';

/** What takes minutes to fill a database runs only with `--large`, and its last result stands in docs/guide/operate/dashboard.md. */
const isLarge = process.env.BROWSER_LARGE === 'yes';

/** The dashboard in a real browser. `npm run test:browser` sees to it that there is one. */
const browser: Config = {
  ...config,
  testMatch: ['<rootDir>/test/browser/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...(isLarge ? [] : ['-large\\.spec\\.ts$'])],
  // Each spec waits for its browser, its application and its database in turn, which leaves a processor idle.
  maxWorkers: 2,
};

export default browser;
