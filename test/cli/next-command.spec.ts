import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type DomainEvent, NonRetryableError, OperationService } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { CALL, withCall } from '../support/call-rows.js';
import { runCommandIn } from '../support/command.js';
import { COMMANDS } from '../support/commands.js';
import { DESTINATION, withDeadWebhook } from '../support/dead-webhook.js';
import { withSaga } from '../support/saga-rows.js';
import { withSchedule } from '../support/schedule-rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

/** Names that do not fit into a line beside other columns. */
const CONSUMER = `billing-${'very-'.repeat(14)}late`;
const CONTRACT = `order.${'very.'.repeat(18)}late`;
const TENANT = `tenant-${'very-'.repeat(18)}late`;
const LONG_ERROR = `the receiver answered with ${'many '.repeat(50)}words`;

const UUID = /(?<![\w-])([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![\w-])/;

let database: TestDatabase;
let app: TestApp;
let finish: () => void;
/** The event of a chain. */
let eventId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  app = await startApp(
    database,
    [
      {
        eventName: 'order.*',
        consumerName: CONSUMER,
        startFrom: 'earliest',
        handler: async ({ aggregateId }: DomainEvent) => {
          if (aggregateId === 'slow') await finished;
          if (aggregateId.startsWith('dead')) throw new NonRetryableError(LONG_ERROR);
          if (aggregateId === 'retry') throw new Error(LONG_ERROR);
        },
      },
    ],
    {
      settings: {
        retryBaseDelayMs: 600_000,
        retryMaxDelayMs: 600_000,
        processingLeaseMs: 3_000,
        handlerTimeoutMs: 600_000,
      },
    },
  );
  for (const aggregateId of [`dead-${'x'.repeat(200)}`, 'retry', 'retry', 'slow']) {
    const published = await app.api.publishEvent({
      eventName: 'order.changed',
      sourceModule: 'shop',
      aggregateType: 'order',
      aggregateId,
      payload: {},
      metadata: { correlationId: 'visit-7' },
    });
    eventId = published.outboxEventId;
  }
  await app.settings.set('maxInfrastructureFailures', 7, 'ann');
  await app.context.get(OperationService).plan({ kind: 'redrive', filter: { consumerName: CONSUMER } });
  await database.pool.query(
    `INSERT INTO integration.event_contract (event_name, version, visibility) VALUES ('${CONTRACT}', 1, 'public');
     INSERT INTO integration.webhook_inbound (tenant_id, source) VALUES ('${TENANT}', 'github')`,
  );
  await withDeadWebhook(database);
  await withSaga(database, 'saga-key');
  await withSchedule(database);
  await withCall(database);
  await until('one runs, one waits, one is dead', async () => {
    const { stdout } = await run(`consumers show ${CONSUMER} --json`);
    const { backlog, running } = JSON.parse(stdout);
    return backlog.deadLetters.count === 1 && backlog.waiting.count === 1 && running.length === 1;
  });
});
afterAll(async () => {
  finish();
  await app.close();
  await database.drop();
});

function run(words: string) {
  const environment = {
    ...process.env,
    DATABASE_URL: database.url,
    INTEGRATION_KEYS: `k=${randomBytes(32).toString('base64')}`,
  };
  return runCommandIn({ folder: tmpdir(), environment, terminal: undefined }, words.split(' '));
}

/** What is printed, a text in it, and commands that somebody types next, where `$1` stands for that text. */
type Next = readonly [words: string, printed: RegExp, ...next: string[]];

const WITH_NEXT: Readonly<Record<string, readonly Next[]>> = {
  status: [['status', /^(billing-\S+) /m, 'consumers pause $1 --dry-run']],
  'consumers list': [['consumers list', /^(billing-\S+) /m, 'consumers show $1']],
  'consumers show': [
    [`consumers show ${CONSUMER}`, UUID, 'events show $1'],
    [
      `consumers show ${CONSUMER}`,
      /(billing-\S+) +(\d+) +order/,
      'consumers discard $1 --position $2 --reason x --dry-run',
    ],
    [`consumers show ${CONSUMER} --state waiting`, UUID, 'events show $1'],
    [
      `consumers show ${CONSUMER} --state dead`,
      UUID,
      'dead-letters redrive $1 --dry-run',
      'dead-letters discard $1 --reason x --dry-run',
    ],
  ],
  'dead-letters list': [
    ['dead-letters list', UUID, 'events show $1', 'dead-letters redrive $1 --dry-run'],
    [
      'dead-letters list',
      /^\d+ +(billing-\S+) .* ([0-9a-f]{32})$/m,
      'dead-letters redrive --consumer $1 --fingerprint $2 --dry-run',
    ],
  ],
  'dead-letters groups': [
    [
      'dead-letters groups',
      /^(billing-\S+) +([0-9a-f]{32}) /m,
      'dead-letters list --consumer $1 --fingerprint $2',
    ],
  ],
  'operations list': [['operations list', UUID, 'operations show $1', 'operations cancel $1 --dry-run']],
  'events list': [['events list', UUID, 'events show $1', 'events chain $1']],
  'events chain': [['events chain <event>', UUID, 'events show $1']],
  'events journey': [['events journey <event>', UUID, 'events show $1']],
  'events show': [['events show <event>', /^(billing-\S+) /m, 'consumers show $1']],
  'processes list': [
    [
      'processes list',
      /(billing-\S+) +(\d+) +order/,
      'consumers show $1',
      'consumers discard $1 --position $2 --reason x --dry-run',
    ],
  ],
  'settings list': [
    [
      'settings list',
      /^(\S+maxInfrastructureFailures) /m,
      'settings history $1',
      'settings reset $1 --dry-run',
    ],
  ],
  'settings history': [
    [
      'settings history',
      /^(\d+) +\S+ +(\S+maxInfrastructureFailures) /m,
      'settings restore $1 --dry-run',
      'settings history $2',
    ],
  ],
  flow: [['flow', /^\S+ +(order\.\S+) /m, 'flow --event $1', 'events list --event $1']],
  'audit list': [['audit list', /(setting\/\S+)/, 'audit list --target $1']],
  'contracts list': [['contracts list', /^(order\.very\S+) /m, 'contracts show $1']],
  'sagas list': [
    [
      'sagas list',
      /^order +(saga-\S+) /m,
      'sagas show order $1',
      'sagas end order $1 --outcome canceled --dry-run',
    ],
  ],
  'sagas show': [
    ['sagas show order saga-key', /parcel\.sent +(\S{36}) /, 'sagas show order saga-key --with-state'],
  ],
  'schedules list': [
    [
      'schedules list',
      /^(invoices\S+) +0 2/m,
      'schedules show $1',
      'schedules preview $1',
      'schedules pause $1 --dry-run',
    ],
  ],
  'schedules show': [['schedules show invoices.nightly', / (\S{36})/, 'events show $1']],
  'calls list': [['calls list', /^(\S{36}) +tts/m, 'calls show $1', 'calls cancel $1 --dry-run']],
  'calls show': [[`calls show ${CALL}`, /calls retry (\S+)$/m, 'calls retry $1 --dry-run']],
  'webhooks endpoints': [['webhooks endpoints', /(tenant-\S+)/, 'webhooks endpoints --tenant $1']],
  'webhooks destinations': [['webhooks destinations', /^(\S{36}) +acme/m, 'webhooks deliveries $1']],
  'webhooks deliveries': [
    [`webhooks deliveries ${DESTINATION}`, /^(\S+\.1) +dead/m, 'webhooks redrive $1 --dry-run'],
  ],
};

/** No command takes what these print, or they say the whole command. */
const WITHOUT_NEXT = [
  'events compare',
  'doctor',
  'problems',
  'changes',
  'heat',
  'webhooks sources',
  'webhooks refusals',
  'settings preview',
  'schedules preview',
  'operations show',
  'relays list',
  'contracts show',
  'contracts check',
  'contracts export',
  'keys list',
  'secrets list',
];

it('every command that shows something is known here', () => {
  const shows = COMMANDS.filter(({ options = {} }) => !('dry-run' in options)).map(({ name }) => name);
  expect([...Object.keys(WITH_NEXT), ...WITHOUT_NEXT].sort()).toEqual(shows.sort());
});

it.each(Object.values(WITH_NEXT).flat())(
  'what the next command takes can be copied from "%s": %s',
  async (words, printed, ...next) => {
    const { stdout } = await run(words.replace('<event>', eventId));
    const [, first = '', second = ''] = printed.exec(stdout) ?? [];
    expect([stdout, first]).toEqual([stdout, expect.stringMatching(/./)]);
    for (const each of next) {
      const call = each.replace('$1', first).replace('$2', second);
      const outcome = await run(call);
      expect([call, outcome.status, outcome.stderr]).toEqual([call, 0, '']);
      expect(outcome.stdout).not.toMatch(
        /^(0 events|No dead letters|No change|The audit has no|No endpoint)/,
      );
    }
  },
);
