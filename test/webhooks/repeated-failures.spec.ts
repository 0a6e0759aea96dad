import { afterEach, expect, it } from '@jest/globals';
import { githubSource } from 'nestjs-integration/webhooks';
import { z } from 'zod';
import { hearLog, TEST_LOGGER } from '../support/log-lines.js';
import { fromGithub, SECRET } from './webhook-app.js';
import { webhookStage } from './webhook-stage.js';

const DELIVERIES = 20;

const stage = webhookStage();
afterEach(async () => {
  await stage.database.pool.query('DROP TRIGGER IF EXISTS failing ON integration.webhook_receipt');
});

/** Sends as many deliveries as senders do that try again, and resolves to the answers and to what was said. */
async function deliver(body: string): Promise<{ statuses: Set<number>; said: string[] }> {
  const lines = hearLog();
  const schemas = { push: z.object({ ref: z.string() }) };
  const app = await stage.start({
    webhooks: { incoming: { sources: [githubSource({ secrets: SECRET, schemas })] } },
    create: { logger: TEST_LOGGER },
  });
  const statuses = new Set<number>();
  for (let n = 0; n < DELIVERIES; n++) {
    const { status } = await app.send('/webhooks/github', fromGithub(body, { id: `${body}-${n}` }));
    statuses.add(status);
  }
  return { statuses, said: lines.texts('warn', 'error') };
}

async function failWith(state: string): Promise<void> {
  await stage.database.pool.query(`
    CREATE OR REPLACE FUNCTION integration.failing() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'failing on purpose' USING ERRCODE = '${state}'; END $$;
    CREATE TRIGGER failing BEFORE INSERT ON integration.webhook_receipt FOR EACH ROW EXECUTE FUNCTION integration.failing()`);
}

it.each([
  ['a database that takes nothing', '57P03', 503],
  ['an error that nobody expected', '22012', 500],
])('says %s once, and not with each delivery', async (_, state, status) => {
  await failWith(state);
  const { statuses, said } = await deliver('{"ref":"main"}');
  expect(statuses).toEqual(new Set([status]));
  expect(said.filter((line) => line.includes('failing on purpose'))).toHaveLength(1);
});

it('says once of a type that its deliveries do not fit the schema', async () => {
  const { statuses, said } = await deliver('{"ref":1}');
  expect(statuses).toEqual(new Set([200]));
  expect(said.filter((line) => line.includes('does not fit the schema'))).toHaveLength(1);
});
