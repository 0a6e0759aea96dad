import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NonRetryableError, type Operation, OperationService } from '../../src/index.js';
import { startApp } from '../support/app.js';
import { CALL, withCall } from '../support/call-rows.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { COMMANDS } from '../support/commands.js';
import { DESTINATION, withDeadWebhook } from '../support/dead-webhook.js';
import { inboxRows } from '../support/inbox-rows.js';
import { withSaga } from '../support/saga-rows.js';
import { SCHEDULE, withSchedule } from '../support/schedule-rows.js';
import { tableContents } from '../support/table-contents.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let operation: Operation;
let event: string;

beforeAll(async () => {
  process.env.INTEGRATION_KEYS = `new=${randomBytes(32).toString('base64')}`;
  database = await createTestDatabase();
  const app = await startApp(database, [
    {
      eventName: ['order.placed', 'order.lost'],
      consumerName: 'billing',
      handler: async ({ aggregateId }) => {
        throw new NonRetryableError(aggregateId === 'odd' ? 'odd' : 'down');
      },
    },
  ]);
  for (const aggregateId of ['a', 'b', 'odd'])
    await app.api.publishEvent('order.placed', 'test', 'order', aggregateId, {});
  await until('all are dead', async () => {
    const rows = await inboxRows(database, 'billing');
    return rows.length === 3 && rows.every(({ status }) => status === 'dead_letter');
  });
  event = (await inboxRows(database, 'billing'))[0]?.outboxEventId ?? '';
  await app.settings.set('batchSize', 33, 'ann');
  operation = await app.context
    .get(OperationService)
    .plan({ kind: 'redrive', filter: { consumerName: 'billing' } });
  await app.close();
  await withDeadWebhook(database);
  await withSaga(database);
  await withSchedule(database);
  await withCall(database);
});
afterAll(() => {
  delete process.env.INTEGRATION_KEYS;
  return database.drop();
});

const run = (...words: string[]) => runCommand(words, database);

/** A call of each command that changes something, and what it says that it would do. */
const CALLS: readonly [words: string, says: string][] = [
  ['migrate', 'Schema "integration" is up to date.'],
  ['settings set batchSize 44', 'core.integration.outbox.batchSize: 33 → 44.'],
  ['settings reset batchSize', 'core.integration.outbox.batchSize: 33 → 500.'],
  ['settings restore 1', 'core.integration.outbox.batchSize would not change: 33 is in force.'],
  ['consumers pause billing', 'Consumer "billing" would be paused.'],
  ['consumers resume billing', 'Consumer "billing" is not paused.'],
  ['consumers repartition billing 3', 'Consumer "billing" would have 3 partitions. It has 1 partition.'],
  ['consumers discard billing --reason x', '3 events would be set aside for good.'],
  ['consumers discard billing --reason x --position 1', 'This event would be set aside for good'],
  ['consumers rename billing invoicing', 'Consumer "billing" is called "invoicing" from now on'],
  ['consumers remove-names billing order.lost', 'It would be stored with: order.placed.'],
  ['consumers remove billing', 'with its place in the log and 3 inbox rows, of which 3 dead letters.'],
  ['dead-letters redrive --consumer billing', '3 events would be sent on their way again.'],
  ['dead-letters redrive --limit 1', '1 event would be sent on its way again.'],
  ['dead-letters discard --consumer billing --reason x', '3 events would be set aside for good.'],
  [
    'dead-letters rehearse <event> --consumer billing',
    'cannot be rehearsed for consumer "billing": no live process',
  ],
  ['replay billing --from 1', '3 events would be sent to "billing" again.'],
  ['replay billing --event order.l* --rate 5', '0 events would be sent to "billing" again.'],
  ['replay billing --from 1 --at-once', 'Consumer "billing" is given 4 positions of the log again.'],
  [`webhooks redrive ${DESTINATION}.1`, 'which is dead, would be sent again.'],
  [`webhooks redrive --destination ${DESTINATION}`, '1 event would be sent to the destination again.'],
  [`webhooks replay ${DESTINATION} --since 2020-01-01T00:00:00Z`, '0 events of this time would be looked at'],
  [
    `webhooks test ${DESTINATION} --type order.placed`,
    'A test of type order.placed would be sent to https://receiver.example/.',
  ],
  [`webhooks rotate-secret ${DESTINATION}`, `The destination ${DESTINATION} would get a new secret.`],
  ['sagas end order e1 --outcome undone', 'would be ended as undone and 1 event published.'],
  ['sagas retry order e1', '0 dead letters of saga "order" "e1" would be sent again.'],
  [`schedules pause ${SCHEDULE}`, `Schedule ${SCHEDULE} is paused already.`],
  [`schedules resume ${SCHEDULE}`, `Schedule ${SCHEDULE} would go on with its next time.`],
  [`schedules trigger ${SCHEDULE}`, `An event of schedule ${SCHEDULE} would be published now, for billing.`],
  [`schedules remove ${SCHEDULE}`, `Schedule ${SCHEDULE} would be deleted. Its events stay.`],
  [`calls check ${CALL}`, `Call ${CALL} has ended already: it is failed.`],
  [`calls retry ${CALL}`, `Call ${CALL}, which has failed, would be repeated by a new call.`],
  [`calls cancel ${CALL}`, `Call ${CALL} has ended already: it is failed.`],
  ['keys rotate', '"new" would wrap 0 data keys.'],
  ['keys reseal --tenant acme', '0 secrets would be sealed with a new data key.'],
  ['operations pause <operation>', '(redrive, 0 of 3 events) would be paused.'],
  ['operations resume <operation>', '(redrive, 0 of 3 events) would go on.'],
  ['operations rate <operation> --rate 7', '(redrive, 0 of 3 events) would send at most 7 a second.'],
  ['operations cancel <operation>', '(redrive, 0 of 3 events) would be cancelled.'],
];

describe('--dry-run', () => {
  it('is an option of every command that changes something', () => {
    const changing = COMMANDS.filter(
      ({ options }) => options?.by !== undefined || options?.yes !== undefined,
    );
    expect(
      changing.filter(({ options }) => options?.['dry-run'] === undefined).map(({ name }) => name),
    ).toEqual([]);
    const tried = COMMANDS.filter(({ name }) => CALLS.some(([words]) => words.startsWith(name)));
    const withIt = COMMANDS.filter(({ options }) => options?.['dry-run'] !== undefined);
    expect(
      withIt.map(({ name }) => name).filter((name) => !tried.some((each) => each.name === name)),
    ).toEqual([]);
  });

  it.each(CALLS)('%s: says what it would do, and changes nothing', async (words, says) => {
    const before = await tableContents(database);
    const call = [
      ...words.replace('<operation>', operation.id).replace('<event>', event).split(' '),
      '--dry-run',
    ];
    const { status, stdout, stderr } = await run(...call);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(says);
    expect(stdout).toMatch(/\nNothing was changed\.\n$/);
    expect((await runJsonCommand(call, database)).result).toMatchObject({ dryRun: true });
    expect(await tableContents(database)).toEqual(before);
  });

  it('has the kinds of failures that would be redriven', async () => {
    const { stdout } = await run('dead-letters', 'redrive', '--consumer', 'billing', '--dry-run');
    expect(stdout).toMatch(
      /\nCONSUMER +FINGERPRINT +EVENTS +ERROR\nbilling +\w+ +2 +\S.*\nbilling +\w+ +1 +\S.*\n/,
    );
  });

  it.each([
    ['settings set batchSize 0', 2, 'must be a whole number from 1 to 5000'],
    ['settings restore 99', 2, 'There is no change 99'],
    ['consumers pause nobody', 1, 'There is no consumer "nobody"'],
    ['consumers repartition billing 999999', 2, 'partitions must be a whole number'],
    ['consumers remove-names billing order.found', 2, 'has no event name order.found'],
    ['consumers rename billing billing', 2, 'has this name already'],
    ['dead-letters discard --reason x', 2, 'Say which events to discard'],
    ['replay nobody --from 1', 1, 'There is no consumer "nobody"'],
    ['replay billing --from 1 --rate 1000000', 2, 'rate must be'],
    ['dead-letters redrive --rate 1000000', 2, 'rate must be'],
    [`operations cancel ${randomUUID()}`, 1, 'There is no operation'],
  ])('%s: fails as the change would', async (words, status, message) => {
    const call = words.split(' ');
    const tried = await run(...call, '--dry-run');
    expect(tried).toEqual({ status, stdout: '', stderr: expect.stringContaining(message) });
    const { status: real } = await run(...call, '--yes');
    expect(real).toBe(status);
  });

  it('of migrate names the migrations that are pending', async () => {
    const empty = await createTestDatabase({ migrated: false });
    try {
      const { status, stdout } = await runCommand(['migrate', '--dry-run'], empty);
      expect(status).toBe(0);
      expect(stdout).toMatch(
        /^Would be applied to schema "integration":\n {2}20261127200000_log_and_publishing\n/,
      );
      expect((await runCommand(['status'], empty)).stdout).toContain('missing');
    } finally {
      await empty.drop();
    }
  });

  it('refuses to remove or rename a consumer that a live process works on', async () => {
    const app = await startApp(database, [
      { eventName: ['order.placed', 'order.lost'], consumerName: 'billing', handler: async () => {} },
    ]);
    try {
      await app.processor.drain();
      for (const words of ['consumers remove billing', 'consumers rename billing other']) {
        const { status, stderr } = await run(...words.split(' '), '--dry-run');
        expect([words, status, stderr]).toEqual([words, 1, expect.stringContaining(`:${process.pid}`)]);
      }
      expect((await run('consumers', 'remove', 'billing', '--force', '--dry-run')).status).toBe(0);
    } finally {
      await app.close();
    }
  });
});
