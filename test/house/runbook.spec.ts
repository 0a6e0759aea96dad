import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NonRetryableError } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { runCommand } from '../support/command.js';
import { pauseAndWait } from '../support/pause.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const read = (name: string) => readFileSync(join(import.meta.dirname, '../..', name), 'utf8');
const ALERTS = [...read('docs/telemetry/prometheus-rules.yml').matchAll(/- alert: (\w+)/g)].map(
  ([, name]) => name,
);
const RUNBOOK =
  read('docs/guide/operate/operations.md').split('\n## When an alert comes\n')[1]?.split('\n## ', 1)[0] ?? '';
const SECTIONS = new Map(
  RUNBOOK.split('\n### ')
    .slice(1)
    .map((section) => [section.split('\n', 1)[0] ?? '', section]),
);
const commandsOf = (text: string) =>
  [...text.matchAll(/^npx nestjs-integration (.+)$/gm)].map(([, words]) => words ?? '');

/** The words of a command line; quotes hold words together. */
const wordsOf = (line: string) =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

interface Step {
  /** Brings about what the command is for. */
  readonly given?: () => Promise<unknown>;
  readonly status: 0 | 1;
  /** What the runbook promises to show. */
  readonly prints: readonly RegExp[];
  /** What the command has brought about. */
  readonly after?: () => Promise<unknown>;
}

const NO_ID = '00000000-0000-7000-8000-000000000000';

let database: TestDatabase;
let app: TestApp;
let isReceiverDown = false;

const publish = (many: number) =>
  app.api.publishEvents(
    Array.from({ length: many }, (_, each) => ({
      eventName: 'order.placed',
      sourceModule: 'shop',
      aggregateType: 'order',
      aggregateId: String(each),
    })),
  );

const backlog = async () => {
  const { stdout } = await runCommand(['consumers', 'show', 'billing', '--json'], database);
  return JSON.parse(stdout).backlog;
};
const untilDead = (many: number) =>
  until(`${many} dead letters`, async () => {
    const { deadLetters, pending, retrying, running } = await backlog();
    const rest = pending.count + retrying.count + running.count;
    return deadLetters.count === many && rest === 0;
  });

const fail = async (many: number) => {
  isReceiverDown = true;
  await publish(many);
  await untilDead(many);
  isReceiverDown = false;
};

beforeAll(async () => {
  database = await createTestDatabase();
  app = await startApp(database, [
    {
      eventName: 'order.placed',
      consumerName: 'billing',
      handler: async () => {
        if (isReceiverDown) throw new NonRetryableError('the receiver is down');
      },
    },
  ]);
  await until('billing has an owner', async () => (await app.consumers.list())[0]?.owner !== null);
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

const settled = () => until('nothing is left', async () => (await backlog()).pending.count === 0);

/** What each command of each section has to do. A command that is not here, or not there, is a failure. */
const STEPS: Readonly<Record<string, Readonly<Record<string, Step>>>> = {
  IntegrationConsumerLag: {
    'consumers list': { status: 0, prints: [/^CONSUMER +PENDING +LAG/m, /^billing .* \S+:\d+ +active/m] },
    'consumers show billing': {
      status: 0,
      prints: [/^Owner +\S+:\d+$/m, /^Lag /m, /^Retrying /m, /^Waiting /m],
    },
    'processes list': { status: 0, prints: [/^\S+:\d+ +all .* alive +billing \[0\]$/m] },
    doctor: { status: 0, prints: [/^\d+ checks made: nothing is wrong\.$/m] },
    'consumers repartition billing 4 --yes': {
      status: 0,
      prints: [/^Consumer "billing" has 4 partitions\.$/m],
    },
  },
  IntegrationConsumerPaused: {
    'consumers show billing': {
      given: async () => {
        await pauseAndWait(app.consumers, 'billing', { by: 'mo', reason: 'the receiver moves' });
        await publish(3);
        await until('they wait', async () => (await backlog()).pending.count === 3);
      },
      status: 0,
      prints: [/^State +paused$/m, /^Paused +since \S+ by mo: the receiver moves$/m, /^Pending +3$/m],
    },
    'audit list --target consumer/billing': { status: 0, prints: [/ mo +service +consumers\.pause /] },
    'consumers resume billing --yes': {
      status: 0,
      prints: [/^Consumer "billing" goes on\.$/m],
      after: settled,
    },
  },
  IntegrationDeadLetters: {
    'dead-letters groups --consumer billing': {
      given: () => fail(8),
      status: 0,
      prints: [/^billing +[0-9a-f]{32} +8 .*\n +NonRetryableError: the receiver is down$/m],
    },
    'dead-letters list --consumer billing': {
      status: 0,
      prints: [
        /^(\d+ +billing +order\.placed +order \d +1 +[0-9a-f]{32}\n +[0-9a-f-]{36} {2}NonRetryableError.*\n){8}/m,
      ],
    },
    'events list --event "order.*" --limit 20': {
      status: 0,
      prints: [/^POSITION +EVENT .* ID$/m, /order\.placed .* [0-9a-f-]{36}$/m],
    },
    'dead-letters redrive --consumer billing --limit 5 --yes': {
      status: 0,
      prints: [
        /^5 events sent on their way again\.\nWhat becomes of them: .* operations show [0-9a-f-]{36}$/m,
      ],
      after: () => untilDead(3),
    },
    'operations list': { status: 0, prints: [/^[0-9a-f-]{36} +redrive +done +5 of 5 /m] },
    'dead-letters redrive --consumer billing --limit 10000 --rate 50 --stop-after 20 --dry-run': {
      status: 0,
      prints: [/^3 events would be sent/m, /^billing +[0-9a-f]{32} +3 +\S.*$/m, /^Nothing was changed\.$/m],
    },
    'dead-letters redrive --consumer billing --limit 10000 --rate 50 --stop-after 20 --yes': {
      status: 0,
      prints: [/^3 events sent on their way again\.$/m],
      after: () => untilDead(0),
    },
    'dead-letters discard --consumer billing --reason "test orders" --yes': {
      given: () => fail(2),
      status: 0,
      prints: [/^2 events of "billing" discarded\.$/m],
      after: () => untilDead(0),
    },
  },
  IntegrationBacklogGrows: {
    'consumers show billing': {
      status: 0,
      prints: [/^State +active$/m, /^Pending +0$/m, /^Dead letters +0$/m, /OWNER$/m],
    },
    'dead-letters groups --consumer billing': { status: 0, prints: [/^No dead letters\.$/m] },
    'consumers repartition billing 4 --yes': { status: 0, prints: [/^Consumer "billing" has 4 partitions/m] },
  },
  IntegrationOpenTransaction: {
    // What it says of an open transaction is in doctor.spec.ts: it has to be open for a minute.
    doctor: { status: 0, prints: [/nothing is wrong/] },
  },
  IntegrationPublishingFails: {
    'settings list': {
      given: () => app.settings.set('enabled', false, { by: 'mo', reason: 'a migration' }),
      status: 0,
      prints: [/^core\.integration\.outbox\.enabled +false +database /m],
    },
    'settings history': { status: 0, prints: [/outbox\.enabled +- +false +mo +a migration$/m] },
    'audit list --limit 20': { status: 0, prints: [/ mo .*\n +setting\/core\.integration\.outbox\.enabled/] },
    doctor: {
      status: 1,
      prints: [
        /^1\. Publishing is switched off for all processes, by mo: enabled is false\. \[switched-off, warning\]$/m,
      ],
      after: () => app.settings.set('enabled', true, 'mo'),
    },
  },
  IntegrationNoProcess: {
    status: {
      status: 0,
      prints: [/^Migrations of schema "integration": current \(\d+\)$/m, /^CONSUMER .*OWNER/m],
    },
    'processes list': { status: 0, prints: [/^PROCESS +ROLE +VERSION +STARTED +STATE/m, / all .* alive$/m] },
    'settings list': {
      given: () => app.settings.set('processor.enabled', false, 'mo'),
      status: 0,
      prints: [/^core\.integration\.outbox\.processor\.enabled +false +database /m],
    },
    doctor: {
      status: 1,
      prints: [
        /^1\. Processing is switched off for all processes, by mo: /m,
        /settings set processor\.enabled true/,
      ],
    },
    'settings set processor.enabled true --yes': {
      status: 0,
      prints: [/processor\.enabled is now true\.$/m],
    },
  },
  IntegrationDatabaseUnreachable: {
    doctor: { status: 0, prints: [/nothing is wrong/] },
    'processes list': { status: 0, prints: [/ alive$/m] },
  },
  IntegrationSavesRefused: {
    'processes list': { status: 0, prints: [/ alive$/m] },
    doctor: { status: 0, prints: [/nothing is wrong/] },
    'settings preview processingLeaseMs 60000': {
      status: 0,
      prints: [/30000 → 60000\. .* taken over after 1 min instead of 30 s/, /^Nothing was changed\.$/m],
    },
    'settings set processingLeaseMs 60000 --yes': {
      status: 0,
      prints: [/processingLeaseMs is now 60000\.$/m],
    },
    'settings reset processingLeaseMs --yes': {
      status: 0,
      prints: [/processingLeaseMs is no longer stored;.* it is 30000 /],
    },
  },
  IntegrationDoctorFinding: {
    doctor: {
      given: () =>
        database.pool.query(
          `SELECT setval(pg_get_serial_sequence('integration.outbox_event', 'position'), 1)`,
        ),
      status: 1,
      prints: [/critical/, /sequence/, /setval/],
    },
  },
};

describe('the runbook', () => {
  it('has every alert, and for each what it means, what to look at and what to do', () => {
    expect(ALERTS.length).toBeGreaterThan(5);
    expect([...SECTIONS.keys()]).toEqual(ALERTS);
    for (const [name, section] of SECTIONS)
      for (const part of ['**Meaning.**', '**Look.**', '**Do.**'])
        expect([name, part, section.includes(part)]).toEqual([name, part, true]);
  });

  it('has no command that is not tried here', () => {
    const tried = Object.entries(STEPS).map(([alert, steps]) => [alert, Object.keys(steps)]);
    expect([...SECTIONS].map(([alert, text]) => [alert, commandsOf(text)])).toEqual(tried);
    expect(commandsOf(RUNBOOK)).toEqual(tried.flatMap(([, commands]) => commands));
  });

  it('has no command in a sentence that is not a command', async () => {
    const named = [...RUNBOOK.matchAll(/`([a-z-]+ [a-z-]+) <id>`/g)].map(([, words = '']) => words);
    expect(new Set(named)).toEqual(new Set(['events show', 'operations show', 'operations cancel']));
    for (const words of new Set(named)) {
      const { status, stderr } = await runCommand([...words.split(' '), NO_ID], database);
      expect([words, status, stderr]).toEqual([words, 1, expect.stringContaining(NO_ID)]);
    }
  });

  it.each([...SECTIONS].flatMap(([alert, text]) => commandsOf(text).map((line) => [alert, line] as const)))(
    '%s: %s',
    async (alert, line) => {
      const { given, status, prints, after } = STEPS[alert]?.[line] ?? { status: 0, prints: [] };
      await given?.();
      const outcome = await runCommand(wordsOf(line), database);
      expect(outcome).toEqual({ status, stdout: expect.any(String), stderr: '' });
      for (const expected of prints) expect(outcome.stdout).toMatch(expected);
      await after?.();
    },
  );
});
