import { type INestApplicationContext, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { IntegrationModule } from '../../src/index.js';
import { type SecretKeys, SecretsModule } from '../../src/secrets/index.js';
import { TEST_LOGGER } from './log-lines.js';
import type { TestDatabase } from './test-database.js';

/** An application with these keys of secrets. */
export async function startSecretsApp(
  database: TestDatabase,
  keys: SecretKeys,
): Promise<INestApplicationContext> {
  @Module({
    imports: [
      IntegrationModule.forRoot({ connectionString: database.url, role: 'publisher' }),
      SecretsModule.forRoot({ keys }),
    ],
  })
  class App {}
  const app = await Test.createTestingModule({ imports: [App] })
    .setLogger(TEST_LOGGER)
    .compile();
  return app.init();
}
