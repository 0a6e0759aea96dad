import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NonRetryableError } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { runShell } from '../support/command.js';
import { TEST_LOGGER } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { type AdminApp, startAdminApp } from './admin-app.js';

/* The process that answers has no handler. Another one runs the rehearsal, and the mask is asked for who looks. */

const CARD = '4111-1111-1111-1111';
const IBAN = 'DE02120300000000202051';

let database: TestDatabase;
let app: TestApp;
let admin: AdminApp;
let id: string;
let isMended = false;
const denied = new Set<string>();

beforeAll(async () => {
  database = await createTestDatabase();
  app = await startApp(
    database,
    [
      {
        consumerName: 'billing',
        eventName: 'order.placed',
        transactional: true,
        handler: async ({ payload }, { logger, transaction }) => {
          if (!isMended) throw new NonRetryableError('refused by the bank');
          const { card } = payload as { card: string };
          logger.log(`pays by ${card} to ${IBAN}`);
          await app.api.publishEvent(
            {
              eventName: 'order.paid',
              sourceModule: 'billing',
              aggregateType: 'order',
              aggregateId: 'o1',
              payload: { card, iban: IBAN, sum: 7 },
            },
            { persistenceClient: transaction },
          );
        },
      },
    ],
    { handlerLines: { redact: (text) => text } },
  );
  const { outboxEventId } = await app.api.publishEvent({
    eventName: 'order.placed',
    sourceModule: 'shop',
    aggregateType: 'order',
    aggregateId: 'o1',
    payload: { card: CARD },
  });
  id = outboxEventId;
  await untilConsumerSettled(database, 'billing');
  isMended = true;
  admin = await startAdminApp(database, {
    // Without a logger nothing is written, and so nothing is kept.
    create: { logger: TEST_LOGGER },
    admin: {
      actor: () => 'grace',
      permission: (_, action) => !denied.has(action),
      mask: (payload) => ({ sum: (payload as { sum?: number }).sum }),
    },
  });
});
afterAll(async () => {
  await admin.close();
  await app.close();
  await database.drop();
});

const ask = () =>
  admin.ask(`events/${id}/rehearsals`, { method: 'POST', json: { consumer: 'billing', reason: 'a try' } });

/** Asks for a rehearsal, and waits until it has ended. */
async function rehearsed() {
  const { status, json } = await ask();
  expect([status, json.state, json.result]).toEqual([200, 'asked', null]);
  return until('it has ended', async () => {
    const answer = await admin.ask(`events/${id}/rehearsals/${json.id}`);
    return answer.json.state === 'ended' && answer;
  });
}

describe('a rehearsal over the admin API', () => {
  it('says before what is not undone, and where it would run', async () => {
    const { status, json } = await admin.ask(`events/${id}/rehearsal?consumer=billing`);
    expect([status, json.refusal]).toEqual([200, null]);
    expect(json.warning).toContain('Calls to other services are not undone');
    expect(json.processes).toEqual([expect.objectContaining({ pid: process.pid })]);
  });

  it('shows what would happen, without what the mask hides of both events', async () => {
    const { json, text } = await rehearsed();
    expect(json).toMatchObject({
      mayReadPayloads: true,
      sentence: expect.stringMatching(/^The handler succeeded after .* It would have published 1 event\.$/),
      linesSentence: '1 line of its logger',
      result: {
        outcome: 'succeeded',
        lines: [{ level: 'log', text: 'pays by [hidden] to [hidden]' }],
        published: [{ eventName: 'order.paid', aggregateId: 'o1' }],
      },
    });
    expect(JSON.parse(json.result.published[0].payload)).toEqual({ sum: 7 });
    expect(text).not.toContain(CARD);
    expect(text).not.toContain(IBAN);
  });

  it('shows neither lines nor payloads to who must not read payloads', async () => {
    denied.add('payloads.read');
    try {
      const { json } = await rehearsed();
      expect(json).toMatchObject({
        mayReadPayloads: false,
        linesSentence: '1 line of its logger',
        result: { lines: [], published: [{ eventName: 'order.paid', payload: null }] },
      });
    } finally {
      denied.delete('payloads.read');
    }
  });

  it('needs an action of its own, and stands in the audit, refused or not', async () => {
    denied.add('dead-letters.rehearse');
    try {
      expect(await ask()).toMatchObject({ status: 403, json: { code: 'INTEGRATION_ADMIN_DENIED' } });
    } finally {
      denied.delete('dead-letters.rehearse');
    }
    await rehearsed();
    const { rows } = await database.pool.query(
      `SELECT actor, via, outcome, reason FROM integration.integration_audit WHERE action = 'dead-letters.rehearse'
       ORDER BY id DESC LIMIT 2`,
    );
    expect(rows).toEqual([
      { actor: 'grace', via: 'rest', outcome: 'done', reason: 'a try' },
      { actor: 'grace', via: 'rest', outcome: 'denied', reason: null },
    ]);
  });

  it('is refused for a consumer that has not failed at the event', async () => {
    const answer = await admin.ask(`events/${id}/rehearsals`, {
      method: 'POST',
      json: { consumer: 'other' },
    });
    expect(answer).toMatchObject({ status: 409, json: { code: 'INTEGRATION_REHEARSAL_REFUSED' } });
  });

  it('is not found under another event', async () => {
    const { json } = await ask();
    const other = '00000000-0000-7000-8000-00000000000f';
    expect(await admin.ask(`events/${other}/rehearsals/${json.id}`)).toMatchObject({ status: 404 });
  });

  it('is said by the command in the same words, with lines and payloads where they are asked for', async () => {
    // In a process of its own, because a command takes the logger away from the handler of this one.
    const words = `npx nestjs-integration dead-letters rehearse ${id} --consumer billing --yes`;
    const { stdout, status } = await runShell(words, database);
    expect([status, stdout]).toEqual([0, expect.not.stringContaining(CARD)]);
    expect(stdout).toMatch(/^The handler succeeded after .* It would have published 1 event\.$/m);
    expect(stdout).toContain('1 line of its logger: see --lines');
    const whole = await runShell(`${words} --lines --payload --json`, database);
    const json = JSON.parse(whole.stdout);
    expect(json).toMatchObject({
      state: 'ended',
      result: { lines: [{ text: `pays by ${CARD} to ${IBAN}` }] },
    });
    expect(JSON.stringify(json)).toContain('sum');
    const dry = await runShell(`${words} --dry-run`, database);
    const { json: outlook } = await admin.ask(`events/${id}/rehearsal?consumer=billing`);
    expect(dry.stdout).toContain(outlook.warning);
  });
});
