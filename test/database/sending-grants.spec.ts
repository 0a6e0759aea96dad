import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ContractsModule } from 'nestjs-integration/contracts';
import { SecretsModule } from 'nestjs-integration/secrets';
import { WebhooksModule } from 'nestjs-integration/webhooks';
import type { IntegrationModuleOptions } from '../../src/index.js';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import { sendDue } from '../../src/testing/index.js';
import { startAdminApp } from '../admin/admin-app.js';
import { runCommandIn } from '../support/command.js';
import { emptyTables } from '../support/empty-tables.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import {
  CONTRACTS,
  DESTINATION_TABLES,
  KEY_BYTES,
  KEYS,
  type OutgoingApp,
  startOutgoingApp,
} from '../webhooks/outgoing-app.js';
import { destinationOf } from '../webhooks/outgoing-stage.js';
import { startPortalApp } from '../webhooks/portal-app.js';
import { LOOPBACK, type Receiver, startReceiver } from '../webhooks/sending-stage.js';
import {
  createGrantedDatabase,
  type GrantedDatabase,
  nameOf,
  ROLES,
  type Role,
  sqlOfGuide,
} from './granted-roles.js';

/*
 * Each step of sending is made by a role that has the printed grants and no others. `owner` is an
 * application that may do everything, and prepares what a step works with.
 */

const REFUSED = /permission|privilege|42501|GRANT|lacks/;
const SECRET = `whsec_${KEY_BYTES.toString('base64')}`;
const AGO = new Date(Date.now() - 3_600_000);

let granted: GrantedDatabase;
let receiver: Receiver;
let owner: OutgoingApp;

beforeAll(async () => {
  granted = await createGrantedDatabase();
  receiver = await startReceiver(({ path }) => ({ status: path === '/gone' ? 410 : 200 }));
  owner = await startOutgoingApp(granted.database, {
    outgoing: { network: LOOPBACK },
    engine: { role: 'publisher' },
  });
  await owner.publish({});
});
afterEach(silenceLog);
afterAll(async () => {
  await owner.close();
  await receiver.close();
  await granted.drop();
});

/** One thing that is done with destinations. */
type Step = (app: OutgoingApp) => Promise<unknown>;

const created = (path = '') => destinationOf(owner, { url: `${receiver.url}${path}` });

/** A destination with a delivery that is due. */
async function withDelivery(path = ''): Promise<{ id: string; delivery: string }> {
  const url = `${receiver.url}${path}`;
  const id = await destinationOf(owner, { url, startFrom: AGO });
  await owner.catchUp();
  const [delivery] = (await owner.of('acme').deliveries({ destinationId: id })).deliveries;
  return { id, delivery: delivery?.id ?? '' };
}

async function withDead() {
  const made = await withDelivery();
  await granted.database.pool.query(
    `UPDATE integration.webhook_delivery SET status = 'dead' WHERE destination_id = $1`,
    [made.id],
  );
  return made;
}

const SERVICES: Readonly<Record<string, Step>> = {
  adds: (app) => destinationOf(app, { url: receiver.url, startFrom: AGO }),
  async looks(app) {
    const { id, delivery } = await withDelivery();
    const acme = app.of('acme');
    await acme.get(id);
    await acme.list();
    await acme.deliveries({ destinationId: id });
    await acme.delivery(delivery);
  },
  changes: async (app) =>
    app.of('acme').update(await created(), {
      url: `${receiver.url}/elsewhere`,
      eventTypes: ['invoice.*'],
      order: 'entity',
    }),
  async 'pauses and resumes'(app) {
    const id = await created();
    await app.of('acme').pause(id);
    await app.of('acme').resume(id);
  },
  rotates: async (app) => app.of('acme').rotateSecret(await created()),
  tests: async (app) => app.of('acme').sendTest(await created()),
  'sends again': async (app) => app.of('acme').redrive((await withDead()).delivery),
  async plans(app) {
    const { id: destinationId } = await withDead();
    const redrive = await app.of('acme').planRedrive({ destinationId });
    const replay = await app.of('acme').planReplay({ destinationId, since: AGO });
    for (const { id } of [redrive, replay]) {
      await app.engine.operations.run(id);
      await app.engine.operations.get(id);
    }
    // One that runs may be done before it is cancelled.
    const { id } = await app.of('acme').planReplay({ destinationId, since: AGO });
    await app.engine.operations.cancel(id);
  },
  removes: async (app) => app.of('acme').remove(await created()),
};

const WORK: Readonly<Record<string, Step>> = {
  async 'catches up'(app) {
    await destinationOf(owner, { url: receiver.url, startFrom: AGO });
    await app.catchUp();
  },
  async sends(app) {
    await withDelivery();
    await sendDue(app.context);
  },
  async 'disables with an event'(app) {
    await withDelivery('/gone');
    await sendDue(app.context);
  },
  async 'deletes what is old'(app) {
    await withDead();
    await granted.database.pool.query(
      `UPDATE integration.webhook_message SET created_at = now() - interval '90 days'; DELETE FROM integration.integration_maintenance`,
    );
    await app.context.get(MaintenanceJob, { strict: false }).runRound();
  },
};

/** Both work with events of the log, and need no right of their own. */
const ROUTES: Readonly<Record<string, Step>> = {
  async routes(app) {
    const id = await created();
    const [position] = await app.publish({});
    await app.route();
    await owner.of('acme').delivery(`${id}.${position}`);
  },
};

const command = (name: string, ...words: string[]) => run('webhooks', name, ...words);

/** What commands do, with the role of admins. */
const COMMANDS: Readonly<Record<string, () => Promise<unknown>>> = {
  'webhooks destinations': () => command('destinations'),
  'webhooks deliveries': async () => command('deliveries', (await withDelivery()).id),
  'webhooks test': async () =>
    command('test', await created(), '--type', 'a', '--allow', '127.0.0.1', '--http', '--yes'),
  'webhooks redrive': async () => command('redrive', (await withDead()).delivery, '--yes'),
  'webhooks redrive --destination': async () =>
    command('redrive', '--destination', (await withDead()).id, '--detach', '--yes'),
  'webhooks replay': async () =>
    command('replay', await created(), '--since', AGO.toISOString(), '--detach', '--yes'),
  'webhooks rotate-secret': async () => command('rotate-secret', await created(), '--yes'),
  doctor: () => run('doctor'),
};

async function run(...words: string[]): Promise<void> {
  const environment = {
    ...process.env,
    DATABASE_URL: granted.urlOf('admin'),
    INTEGRATION_KEYS: `k1=${KEY_BYTES.toString('base64')}`,
  };
  const { status, stdout, stderr } = await runCommandIn(
    { folder: tmpdir(), environment, terminal: undefined },
    words,
  );
  // The doctor has findings here.
  const isWell = words[0] === 'doctor' ? !/^Not checked.*(denied|lacks)/m.test(stdout) : status === 0;
  if (!isWell) throw new Error(`${words.join(' ')}: ${stdout}${stderr}`);
}

type Steps = Readonly<Record<string, () => Promise<unknown>>>;

const stepsOf = (app: OutgoingApp, all: Readonly<Record<string, Step>>): Steps =>
  Object.fromEntries(Object.entries(all).map(([name, step]) => [name, () => step(app)]));

interface Refused {
  readonly step: string;
  readonly words: string;
  /** The step goes on where it waits for the right. */
  readonly ended: Promise<unknown>;
}

/** The first step that fails, or in which somebody says that a right is missing. */
async function firstRefused(steps: Steps): Promise<Refused | undefined> {
  for (const [name, step] of Object.entries(steps)) {
    const lines = hearLog();
    const ended = step().then(
      () => undefined,
      (error: unknown) => String((error as Error).stack),
    );
    const words =
      (await Promise.race([ended, lines.saying(REFUSED)])) ??
      lines.texts('warn', 'error').find((each) => REFUSED.test(each));
    silenceLog();
    if (words !== undefined) return { step: name, words, ended };
  }
  return undefined;
}

/** A process that sends has a consumer, the router, so its role is that of workers. */
const worker = (role: 'all' | 'publisher'): IntegrationModuleOptions => ({
  connectionString: granted.urlOf('worker'),
  client: granted.database.prisma({ url: granted.urlOf('handlers') }),
  role,
});
const startWorker = (role: 'all' | 'publisher') =>
  startOutgoingApp(granted.database, { outgoing: { network: LOOPBACK }, engine: worker(role) });

describe('with the printed grants', () => {
  it.each(['publisher', 'all'] as const)('a process with the role %s does everything', async (role) => {
    const app = await startWorker(role);
    try {
      const all = role === 'all' ? { ...SERVICES, ...WORK, ...ROUTES } : SERVICES;
      expect(await firstRefused(stepsOf(app, all))).toBeUndefined();
    } finally {
      await app.close();
    }
  });

  it('an admin does everything that commands do', async () => {
    expect(await firstRefused(COMMANDS)).toBeUndefined();
  });

  it('a tenant does everything at the portal', async () => {
    const { delivery } = await withDead();
    const [id = '', position] = delivery.split('.');
    const said = hearLog();
    const app = await startPortalApp(granted.database, { engine: worker('all') });
    try {
      const ask = async (method: string, path: string, json?: object) => {
        const answer = await app.ask('ann', `hooks/${path}`, { method, ...(json && { json }) });
        expect([method, path, answer.status, answer.text]).toEqual([method, path, 200, expect.anything()]);
        return answer.json;
      };
      const of = `destinations/${id}`;
      await ask('POST', 'destinations', { url: receiver.url, eventTypes: ['*'], startFrom: AGO });
      for (const path of [
        'event-types',
        'destinations',
        of,
        `${of}/deliveries`,
        `${of}/deliveries/${position}`,
      ])
        await ask('GET', path);
      await ask('PATCH', of, { eventTypes: ['invoice.*'] });
      await ask('POST', `${of}/deliveries/${position}/redrive`, {});
      for (const name of ['pause', 'resume', 'test', 'rotate-secret']) await ask('POST', `${of}/${name}`, {});
      const plans = [
        await ask('POST', `${of}/plan-redrive`, {}),
        await ask('POST', `${of}/plan-replay`, { since: AGO }),
      ];
      for (const plan of plans) {
        await ask('POST', `operations/${plan.id}/run`, {});
        await ask('GET', `operations/${plan.id}`);
      }
      await ask('DELETE', of, {});
      expect(said.texts('warn', 'error').filter((words) => REFUSED.test(words))).toEqual([]);
    } finally {
      await app.close();
    }
  });

  it('the admin API does everything, with the grants of admins beside those of workers', async () => {
    const { delivery } = await withDead();
    const [id = '', position] = delivery.split('.');
    const [workers, admins] = [nameOf('worker'), nameOf('admin')];
    await granted.database.pool.query(`GRANT ${admins} TO ${workers}`);
    const network = { allow: ['127.0.0.1'], http: true };
    const admin = await startAdminApp(granted.database, {
      engine: { ...worker('all'), settings: { 'processor.enabled': false } },
      module: {
        imports: [
          ContractsModule.forRoot(),
          ContractsModule.forFeature(CONTRACTS),
          SecretsModule.forRoot({ keys: KEYS }),
          WebhooksModule.forRoot({ outgoing: { network } }),
        ],
      },
    });
    try {
      const ask = async (method: string, path: string, json?: object) => {
        const answer = await admin.ask(`webhooks/${path}`, { method, json });
        expect([method, path, answer.status, answer.text]).toEqual([method, path, 200, expect.anything()]);
      };
      const of = `destinations/${id}`;
      for (const path of ['destinations', of, `${of}/deliveries`, `${of}/deliveries/${position}`])
        await ask('GET', path);
      await ask('POST', 'destinations', {
        tenant: 'acme',
        url: receiver.url,
        eventTypes: ['*'],
        secret: SECRET,
      });
      await ask('PATCH', of, { eventTypes: ['invoice.*'] });
      await ask('POST', `${of}/deliveries/${position}/redrive`, {});
      for (const name of ['pause', 'resume', 'test', 'redrive/count', 'redrive'])
        await ask('POST', `${of}/${name}`, {});
      for (const name of ['replay/count', 'replay']) await ask('POST', `${of}/${name}`, { since: AGO });
      await ask('DELETE', of, {});
    } finally {
      await admin.close();
      await granted.database.pool.query(`REVOKE ${admins} FROM ${workers}`);
    }
  });
});

interface Grant {
  readonly privilege: string;
  readonly on: string;
  readonly role: Role;
}

/** The rights that statements grant, one at a time. */
function grantsIn(sql: string): Grant[] {
  const statements = sql.matchAll(/^GRANT ([A-Z_, ()a-z]+?) ON ([\w.,\s]+?) TO ([\w, ]+);/gm);
  return [...statements].flatMap(([, privileges = '', tables = '', roles = '']) =>
    tables.split(/,\s+/).flatMap((on) =>
      privileges.split(', ').flatMap((privilege) =>
        roles.split(', ').map((name) => {
          const role = ROLES.find((each) => nameOf(each) === name);
          if (role === undefined) throw new Error(`there is no role ${name}`);
          return { privilege, on, role };
        }),
      ),
    ),
  );
}

const textOf = ({ privilege, on, role }: Grant) => `${privilege} ON ${on} TO ${role}`;

describe('none of the printed grants of sending is spare', () => {
  it('each is missed by a service, a process or a command, which names the table', async () => {
    const { sending } = await printed();
    expect(sending.length).toBeGreaterThan(20);
    const app = await startWorker('all');
    const steps: Partial<Record<Role, Steps>> = {
      worker: stepsOf(app, { ...SERVICES, ...WORK }),
      admin: COMMANDS,
    };
    const spare: object[] = [];
    try {
      for (const grant of sending) {
        const { privilege, on, role } = grant;
        await emptyTables(granted.database.pool, ...DESTINATION_TABLES);
        await granted.run('migrator', `REVOKE ${privilege} ON ${on} FROM ${nameOf(role)}`);
        const refused = await firstRefused(steps[role] ?? {});
        await granted.run('migrator', `GRANT ${privilege} ON ${on} TO ${nameOf(role)}`);
        await refused?.ended;
        const table = on.replace('integration.', '');
        if (!refused?.words.includes(table) || !REFUSED.test(refused.words))
          spare.push({ ...grant, step: refused?.step, words: refused?.words });
      }
    } finally {
      await app.close();
    }
    expect(spare).toEqual([]);
  });

  it('and none is printed in another place as well', async () => {
    const { sending, others } = await printed();
    const elsewhere = new Set(others.map(textOf));
    expect(elsewhere.size).toBeGreaterThan(100);
    expect(sending.map(textOf).filter((each) => elsewhere.has(each))).toEqual([]);
    // The guide lets admins read every table.
    expect(sending.filter(({ privilege, role }) => role === 'admin' && privilege === 'SELECT')).toEqual([]);
  });
});

async function printed(): Promise<{ sending: Grant[]; others: Grant[] }> {
  const sql = await sqlOfGuide('grants.sql');
  const [block = ''] = /-- Outgoing webhooks.*?\n\n/s.exec(sql) ?? [];
  // An application may have sagas, calls, schedules or outgoing webhooks alone, so what they share stands in each block.
  const others = sql.replace(block, '').replace(/-- (Sagas|Calls|Schedules|Connectors), if.*?\n\n/gs, '');
  return { sending: grantsIn(block), others: grantsIn(others) };
}
