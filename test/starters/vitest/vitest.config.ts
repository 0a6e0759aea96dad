import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.e2e-spec.ts'],
    globalSetup: 'nestjs-integration/testing/vitest-global-setup',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
