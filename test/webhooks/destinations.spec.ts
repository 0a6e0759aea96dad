import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { AuditService, DoctorService, OperationService } from '../../src/index.js';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import { SecretService } from '../../src/secrets/index.js';
import { sendDue } from '../../src/testing/index.js';
import type { TenantDestinations } from '../../src/webhooks/index.js';
import { INNER_HOSTS } from '../support/inner-hosts.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { until } from '../support/until.js';
import { deliveriesOf, positionsOf, runOperation, triedAlready } from './outgoing-app.js';
import { destinationOf, outgoingStage } from './outgoing-stage.js';
import { LOOPBACK, startReceiver } from './sending-stage.js';

const stage = outgoingStage();
const URL = 'https://receiver.example/hooks';
const NOBODY = '0198c0de-0000-7000-8000-000000000000';
const URL_REFUSED =
  /^INTEGRATION_WEBHOOK_URL_REFUSED The URL (?:has an address that |has a name that only |cannot be read)/;
const UNKNOWN = { code: 'INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN' };

describe('a destination', () => {
  it('is created with a secret that is shown once, changed, listed and removed, and the audit says by whom', async () => {
    const app = await stage.start();
    const acme = app.of('acme');
    const { destination, secret } = await acme.create({
      url: URL,
      eventTypes: ['invoice.*', 'customer.renamed'],
      headers: { 'X-Api-Key': 'planted-header-value' },
      ratePerSecond: 2.5,
      metadata: { plan: 'gold' },
      by: 'ann',
      reason: 'asked for it',
    });
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(destination).toMatchObject({
      status: 'active',
      headers: ['x-api-key'],
      order: 'none',
      behindFrom: null,
    });
    expect(destination.secrets.map(({ name }) => name)).toEqual(['header:x-api-key', 'signing']);
    const changed = await acme.update(destination.id, { url: `${URL}/2`, headers: {}, by: 'bob' });
    expect(changed).toMatchObject({
      url: `${URL}/2`,
      headers: [],
      ratePerSecond: 2.5,
      metadata: { plan: 'gold' },
    });
    expect(changed.secrets.map(({ name }) => name)).toEqual(['signing']);
    expect(await acme.list()).toMatchObject({ destinations: [{ id: destination.id }], next: null });
    await acme.remove(destination.id, { by: 'cleo' });
    await expect(acme.get(destination.id)).rejects.toMatchObject(UNKNOWN);
    const { rows } = await stage.database.pool.query(
      `SELECT action, actor, reason FROM integration.integration_audit WHERE target = $1 ORDER BY id`,
      [`webhook-destination/${destination.id}`],
    );
    expect(rows).toEqual([
      { action: 'webhook-destinations.create', actor: 'ann', reason: 'asked for it' },
      { action: 'webhook-destinations.update', actor: 'bob', reason: null },
      { action: 'webhook-destinations.remove', actor: 'cleo', reason: null },
    ]);
  });

  it('keeps secrets and values of headers sealed, wherever one looks', async () => {
    const app = await stage.start();
    const planted = `whsec_${Buffer.from('a planted secret of thirty bytes').toString('base64')}`;
    const { destination, secret } = await app.of('acme').create({
      url: URL,
      eventTypes: ['*'],
      secret: planted,
      headers: { authorization: 'Bearer planted-value' },
    });
    expect(secret).toBeNull();
    expect(JSON.stringify(destination)).not.toContain('planted');
    const tables = await stage.database.pool.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'integration'::regnamespace AND relkind = 'r'`,
    );
    for (const { name } of tables.rows) {
      const { rows } = await stage.database.pool.query(`SELECT t::text AS text FROM integration."${name}" t`);
      const text = rows.map((row) => row.text).join('\n');
      for (const value of ['planted-value', planted, planted.slice(6)]) expect(text).not.toContain(value);
    }
    const opened = await app.context.get(SecretService).open({
      tenantId: 'acme',
      ownerType: 'webhook_destination',
      ownerId: destination.id,
      name: 'header:authorization',
    });
    expect(opened).toMatchObject([{ value: 'Bearer planted-value' }]);
  });

  it('is sent nothing when the secrets of its tenant are erased, until it has a new one; others go on', async () => {
    const receiver = await startReceiver();
    try {
      const app = await stage.start({ outgoing: { network: LOOPBACK } });
      const id = await destinationOf(app, { url: receiver.url, headers: { 'x-key': 'planted-value' } });
      const other = await destinationOf(app, { url: `${receiver.url}/other` }, 'globex');
      await app.context.get(SecretService).eraseTenant('acme', { by: 'ann', reason: 'has left' });
      await app.publish({}, { metadata: { tenantId: 'globex' } });
      await app.route();
      await sendDue(app.context);
      expect(receiver.got.all.map(({ path }) => path)).toEqual(['/other']);
      expect((await app.of('globex').deliveries()).deliveries).toMatchObject([
        { destinationId: other, status: 'delivered' },
      ]);
      // Nobody counts it against the receiver, which was not asked.
      const [waiting] = (await app.of('acme').deliveries()).deliveries;
      expect(waiting).toMatchObject({
        status: 'pending',
        lastStatus: null,
        lastError: 'The destination has no secret to sign with',
      });
      const { findings } = await app.context.get(DoctorService).examine();
      expect(findings.map(({ check }) => check)).toContain('webhook-destination-without-secret');
      const { secret } = await app.of('acme').rotateSecret(id);
      expect(await app.of('acme').sendTest(id)).toMatchObject({ statusCode: 200 });
      const [, test] = receiver.got.all;
      expect(() => new Webhook(secret ?? '').verify(test?.body ?? '', test?.headers as never)).not.toThrow();
      // The value of the header is gone for good.
      expect(test?.headers['x-key']).toBeUndefined();
    } finally {
      await receiver.close();
    }
  });

  it('is sent to, fails, is rotated, changed and refused without a word of what is secret in tables, logs and errors', async () => {
    const receiver = await startReceiver(() => ({ status: 500, body: 'no' }));
    const log = hearLog();
    const said: string[] = [];
    try {
      const app = await stage.start({ outgoing: { network: LOOPBACK } });
      const acme = app.of('acme');
      const secretOf = (words: string) =>
        `whsec_${Buffer.from(`planted ${words}`.padEnd(30)).toString('base64')}`;
      const secrets = ['first', 'second', 'third'].map(secretOf);
      const { destination } = await acme.create({
        url: receiver.url,
        eventTypes: ['*'],
        secret: secrets[0],
        headers: { authorization: 'Bearer planted-one' },
      });
      await acme.rotateSecret(destination.id, { secret: secrets[1] });
      await acme.update(destination.id, { headers: { authorization: 'Bearer planted-two' } });
      await app.publish({});
      await app.route();
      await sendDue(app.context);
      expect(receiver.got.all[0]?.headers.authorization).toBe('Bearer planted-two');
      said.push(JSON.stringify(await acme.sendTest(destination.id)));
      said.push(JSON.stringify(await acme.deliveries()), JSON.stringify(await acme.list()));
      for (const refused of [
        () => acme.create({ url: receiver.url, eventTypes: ['*'], secret: `${secrets[2]}!` }),
        () => acme.create({ url: receiver.url, eventTypes: ['none'], secret: secrets[2] }),
        () => acme.update(destination.id, { headers: { 'x-key': 'planted\nthree' } }),
        () => acme.rotateSecret(destination.id, { secret: `planted-${secrets[2]}` }),
        () => acme.update(destination.id, { url: 'https://planted:planted@receiver.example' }),
      ]) {
        const error = await refused().catch((thrown) => thrown);
        expect(error.code).toMatch(/^INTEGRATION_/);
        said.push(`${error.stack} ${JSON.stringify(error)} ${JSON.stringify(error.details)}`);
      }
      // What nobody can open any more is said, and not shown.
      await stage.database.pool.query(
        `UPDATE integration.integration_secret SET sealed = set_byte(sealed, 40, (get_byte(sealed, 40) + 1) % 256)`,
      );
      said.push(JSON.stringify(await acme.sendTest(destination.id)));
      for (const { text, stack } of log.all) said.push(`${text} ${stack}`);
      const tables = await stage.database.pool.query<{ name: string }>(
        `SELECT relname AS name FROM pg_class WHERE relnamespace = 'integration'::regnamespace AND relkind = 'r'`,
      );
      for (const { name } of tables.rows) {
        const { rows } = await stage.database.pool.query(
          `SELECT t::text AS text FROM integration."${name}" t`,
        );
        said.push(...rows.map(({ text }) => text));
      }
      const hidden = ['planted', ...secrets.map((secret) => secret.slice(6, 30))];
      for (const word of hidden) expect(said.filter((text) => text.includes(word))).toEqual([]);
    } finally {
      silenceLog();
      await receiver.close();
    }
  });

  it('signs with both secrets for the overlap of a rotation, and of v1a shows the public key', async () => {
    const app = await stage.start();
    const { destination, secret, publicKey } = await app
      .of('acme')
      .create({ url: URL, eventTypes: ['*'], signing: 'v1a' });
    expect([secret, publicKey]).toEqual([null, expect.stringMatching(/^whpk_/)]);
    const rotated = await app.of('acme').rotateSecret(destination.id, { by: 'ann', overlapMs: 60_000 });
    expect(rotated.publicKey).not.toBe(publicKey);
    expect(rotated.destination.secrets.map(({ version }) => version)).toEqual([2, 1]);
  });

  it('sends deliveries that both secrets of a rotation verify, and none that the one before does without an overlap', async () => {
    const receiver = await startReceiver();
    try {
      const app = await stage.start({ outgoing: { network: LOOPBACK } });
      const { destination, secret: first } = await app
        .of('acme')
        .create({ url: receiver.url, eventTypes: ['*'] });
      const verifiers = [Webhook, SvixWebhook];
      const verifiedBy = async (secrets: readonly (string | null)[]) => {
        await app.publish({});
        await app.route();
        await sendDue(app.context);
        const { body, headers } = receiver.got.all.at(-1) ?? { body: '', headers: {} };
        return secrets.map((secret) =>
          verifiers.map((Verifier) => {
            try {
              new Verifier(secret ?? '').verify(body, headers as never);
              return true;
            } catch {
              return false;
            }
          }),
        );
      };
      const yes = [true, true];
      const no = [false, false];
      const { secret: second } = await app.of('acme').rotateSecret(destination.id, { overlapMs: 60_000 });
      expect(await verifiedBy([first, second])).toEqual([yes, yes]);
      const { secret: third } = await app.of('acme').rotateSecret(destination.id, { overlapMs: 0 });
      // A sender keeps what it has opened for two seconds.
      await until('the secrets before do not verify any more', async () => {
        const found = await verifiedBy([first, second, third]);
        return JSON.stringify(found) === JSON.stringify([no, no, yes]);
      });
    } finally {
      await receiver.close();
    }
  });

  it.each([
    ['http:', { url: 'http://receiver.example' }, 'INTEGRATION_WEBHOOK_URL_REFUSED'],
    ['a password', { url: 'https://a:b@receiver.example' }, 'INTEGRATION_WEBHOOK_URL_REFUSED'],
    ['an inner address', { url: 'https://127.0.0.1:8443/' }, 'INTEGRATION_WEBHOOK_URL_REFUSED'],
    ['no url', { url: undefined }, 'INTEGRATION_WEBHOOK_URL_REFUSED'],
    ['a type that stays inside', { eventTypes: ['invoice.checked'] }, 'INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC'],
    ['a prefix of nothing', { eventTypes: ['invoise.*'] }, 'INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC'],
    ['no types', { eventTypes: [] }, 'INTEGRATION_ADMIN_INVALID'],
    ['a header of the sender', { headers: { 'Webhook-Id': 'x' } }, 'INTEGRATION_ADMIN_INVALID'],
    ['a header of the connection', { headers: { Host: 'x' } }, 'INTEGRATION_ADMIN_INVALID'],
    ['two lines in a header', { headers: { 'x-a': 'b\r\nc: d' } }, 'INTEGRATION_ADMIN_INVALID'],
    ['a short secret', { secret: 'whsec_c2hvcnQ=' }, 'INTEGRATION_ADMIN_INVALID'],
    ['a rate of nothing', { ratePerSecond: 0 }, 'INTEGRATION_ADMIN_INVALID'],
    ['a field that is not known', { evenTypes: [] }, 'INTEGRATION_ADMIN_INVALID'],
  ])('is refused with %s', async (_, given, code) => {
    const app = await stage.start();
    const creating = app.of('acme').create({ url: URL, eventTypes: ['*'], ...given } as never);
    await expect(creating).rejects.toMatchObject({ code });
  });

  it('is refused with each spelling of an inner address, and not moved to one', async () => {
    const app = await stage.start({ outgoing: { network: { http: true } } });
    const id = await destinationOf(app);
    for (const host of INNER_HOSTS)
      for (const url of [`https://${host}/`, `http://${host}:8080/hooks`]) {
        const asks = { url, eventTypes: ['*'] };
        const refused = [
          await refusal(() => app.of('acme').create(asks)),
          await refusal(() => app.of('acme').update(id, { url })),
        ];
        expect([url, ...refused]).toEqual([url, ...Array(2).fill(expect.stringMatching(URL_REFUSED))]);
      }
    expect((await app.of('acme').list()).destinations).toMatchObject([{ id, url: URL }]);
  });

  it('is told the nearest type', async () => {
    const app = await stage.start();
    const creating = app.of('acme').create({ url: URL, eventTypes: ['invoice.create'] });
    await expect(creating).rejects.toMatchObject({ details: { nearest: 'invoice.created' } });
  });

  it('is not the one too many of its tenant, also where several are created at once', async () => {
    const app = await stage.start();
    await stage.database.pool.query(
      `INSERT INTO integration.integration_setting (key, value) VALUES ('core.integration.webhooks.outgoing.maxDestinationsPerTenant', '2')
       ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value`,
    );
    await app.context.close();
    const again = await stage.start();
    const created = await Promise.allSettled(Array.from({ length: 4 }, () => destinationOf(again)));
    await stage.database.pool.query('DELETE FROM integration.integration_setting');
    expect(created.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  });
});

const CALLS = {
  update: (of: TenantDestinations, id: string, given: object = {}) => of.update(id, given),
  rotateSecret: (of: TenantDestinations, id: string, given?: object) => of.rotateSecret(id, given),
  sendTest: (of: TenantDestinations, id: string, given?: object) => of.sendTest(id, given),
  remove: (of: TenantDestinations, id: string, given?: object) => of.remove(id, given),
};
type Call = keyof typeof CALLS;

describe('bad input', () => {
  const REFUSED = 'INTEGRATION_WEBHOOK_URL_REFUSED ';
  const NOT_PUBLIC = 'INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC ';
  const INVALID = 'INTEGRATION_ADMIN_INVALID ';
  it.each<[Call, readonly (readonly [given: unknown, said: string])[]]>([
    [
      'update',
      [
        [{ url: 'http://receiver.example' }, `${REFUSED}The URL must begin with https:`],
        [{ url: 'https://[::1]/' }, `${REFUSED}The URL has an address that is reserved for this host`],
        [{ url: 7 }, `${REFUSED}The URL must be a text`],
        [
          { eventTypes: ['invoice.checked'] },
          `${NOT_PUBLIC}No event with a public contract is "invoice.checked"`,
        ],
        [{ eventTypes: 'invoice.created' }, `${INVALID}eventTypes must be a list`],
        [{ filter: [] }, `${INVALID}filter must be an object`],
        [{ headers: { 'Content-Length': '1' } }, `${INVALID}headers: "Content-Length" is a header that`],
        [{ order: 'any' }, `${INVALID}order must be one of none, entity, strict`],
        [{ maxInFlight: 1.5 }, `${INVALID}maxInFlight must be a whole number from 1 to 1000, not 1.5`],
        [{ timeoutMs: 1 }, `${INVALID}timeoutMs must be at least 100`],
        [{ metadata: 'text' }, `${INVALID}metadata must be an object`],
        [{ signing: 'v1a' }, `${INVALID}signing is not a field of a destination`],
        [{ by: 7 }, `${INVALID}by must be a string`],
        [null, `${INVALID}An object is needed, not null: a field of a destination is one of url`],
      ],
    ],
    [
      'rotateSecret',
      [
        [{ secret: 'whsec_c2hvcnQ=' }, `${INVALID}secret must be whsec_ and the base64 of 24 to 64 bytes`],
        [{ secret: 7 }, `${INVALID}secret must be whsec_`],
        [{ overlapMs: -1 }, `${INVALID}overlapMs must be a number of milliseconds from 0 to a year`],
        [{ overlapMs: '1h' }, `${INVALID}overlapMs must be a number`],
        [{ overlap: 1 }, `${INVALID}overlap is not an option of rotateSecret`],
        [{ reason: 7 }, `${INVALID}reason must be a string`],
        [null, `${INVALID}An object is needed, not null: an option of rotateSecret is one of secret`],
        ['whsec_planted', `${INVALID}An object is needed, not a string: an option of rotateSecret`],
      ],
    ],
    [
      'sendTest',
      [
        [
          { type: 'invoice.create' },
          `${NOT_PUBLIC}No event with a public contract is "invoice.create" (did you mean`,
        ],
        [{ type: 'invoice.*' }, `${INVALID}A test is of one type, and "invoice.*" stands for several`],
        [{ type: 7 }, `${INVALID}type must be a string`],
        [{ types: [] }, `${INVALID}types is not an option of sendTest`],
        [{ by: 7 }, `${INVALID}by must be a string`],
        [null, `${INVALID}An object is needed, not null: an option of sendTest is one of type`],
      ],
    ],
    [
      'remove',
      [
        [{ why: 'x' }, `${INVALID}why is not an option of remove`],
        [{ by: 'x'.repeat(256) }, `${INVALID}by has more than 255 characters`],
        [{ via: 'post' }, `${INVALID}via must be one of service, cli, rest`],
        [null, `${INVALID}An object is needed, not null: an option of remove is one of by`],
        [['x'], `${INVALID}An object is needed, not a list: an option of remove`],
      ],
    ],
  ])('of %s is refused with a code, in words, and changes nothing', async (name, cases) => {
    const app = await stage.start();
    const id = await destinationOf(app);
    const before = await app.of('acme').get(id);
    for (const [given, said] of cases) {
      const error = await refusal(() => CALLS[name](app.of('acme'), id, given as object));
      expect([given, error]).toEqual([given, expect.stringContaining(said)]);
      expect(error).not.toContain('planted');
    }
    expect(await app.of('acme').get(id)).toEqual(before);
    const { entries } = await app.context.get(AuditService).list({ target: `webhook-destination/${id}` });
    expect(entries.map(({ action }) => action)).toEqual(['webhook-destinations.create']);
  });

  it('of an id that nobody has is said to be unknown', async () => {
    const app = await stage.start();
    for (const name of Object.keys(CALLS) as Call[])
      for (const id of [NOBODY, 'x', '', null, undefined, 7, {}, `${NOBODY}.1`, 'x\u0000'])
        expect(await refusal(() => CALLS[name](app.of('acme'), id as string))).toContain(
          `${UNKNOWN.code} This tenant has no destination, and no delivery, ${JSON.stringify(String(id))}`,
        );
  });
});

/** The code and the words with which a call is refused. */
async function refusal(call: () => Promise<unknown>): Promise<string> {
  try {
    return `not refused: ${JSON.stringify(await call())}`;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return `${code} ${message}`;
  }
}

describe('what belongs to another tenant', () => {
  it('is unknown to every method', async () => {
    const app = await stage.start();
    const id = await destinationOf(app);
    const [position] = await app.publish({});
    await app.route();
    await triedAlready(stage.database, 'dead');
    const globex = app.of('globex');
    const delivery = `${id}.${position}`;
    // The compiler asks for each method. These take no destination, or ask for a new one.
    const calls: Record<
      Exclude<keyof TenantDestinations, 'tenantId' | 'create' | 'list' | 'eventTypes'>,
      () => Promise<unknown>
    > = {
      get: () => globex.get(id),
      update: () => globex.update(id, { url: URL }),
      pause: () => globex.pause(id),
      resume: () => globex.resume(id),
      enable: () => globex.enable(id),
      remove: () => globex.remove(id),
      rotateSecret: () => globex.rotateSecret(id),
      sendTest: () => globex.sendTest(id),
      deliveries: () => globex.deliveries({ destinationId: id }),
      delivery: () => globex.delivery(delivery),
      redrive: () => globex.redrive(delivery),
      planRedrive: () => globex.planRedrive({ destinationId: id }),
      countRedrive: () => globex.countRedrive({ destinationId: id }),
      planReplay: () => globex.planReplay({ destinationId: id, since: new Date(0) }),
      countReplay: () => globex.countReplay({ destinationId: id, since: new Date(0) }),
    };
    for (const [name, call] of Object.entries(calls))
      expect([name, await call().catch((error) => error.code)]).toEqual([name, UNKNOWN.code]);
    expect(await globex.list()).toEqual({ destinations: [], next: null });
    expect(await globex.deliveries()).toEqual({ deliveries: [], next: null });
    expect(await app.of('acme').get(id)).toMatchObject({ status: 'active', url: URL });
    expect(await app.of('acme').delivery(delivery)).toMatchObject({ status: 'dead' });
  });

  it.each([NOBODY, 'x', '', null, 7, `${NOBODY}.1`, `${NOBODY}.x`])(
    'and what nobody has (%j) looks the same',
    async (id) => {
      const app = await stage.start();
      await expect(app.of('acme').get(id as never)).rejects.toMatchObject(UNKNOWN);
      await expect(app.of('acme').delivery(id as never)).rejects.toMatchObject(UNKNOWN);
    },
  );
});

describe('deliveries', () => {
  it('are listed from the latest event on, page by page, each once', async () => {
    const app = await stage.start();
    const ids = [await destinationOf(app), await destinationOf(app)].sort();
    const positions = await app.publish({}, {}, {});
    await app.route();
    const seen: string[] = [];
    const pages: number[] = [];
    let after: string | undefined;
    do {
      const page = await app.of('acme').deliveries({}, { limit: 2, after });
      seen.push(...page.deliveries.map(({ id }) => id));
      pages.push(page.deliveries.length);
      after = page.next ?? undefined;
    } while (after !== undefined);
    // The last page says that it is the last one, although it is full.
    expect(pages).toEqual([2, 2, 2]);
    const first = await app.of('acme').list({}, { limit: 1 });
    const second = await app.of('acme').list({}, { limit: 1, after: first.next ?? '' });
    expect([first, second].map(({ destinations }) => destinations[0]?.id)).toEqual(ids);
    expect(second.next).toBeNull();
    expect(seen).toEqual(
      [...positions].reverse().flatMap((position) => [...ids].reverse().map((id) => `${id}.${position}`)),
    );
    expect((await app.of('acme').deliveries({ status: 'dead' })).deliveries).toEqual([]);
  });

  it('that have ended are sent again, with attempts that go on', async () => {
    const app = await stage.start();
    const id = await destinationOf(app);
    const [position] = await app.publish({});
    await app.route();
    await triedAlready(stage.database, 'dead');
    const delivery = await app.of('acme').redrive(`${id}.${position}`, { by: 'ann' });
    expect(delivery).toMatchObject({ status: 'pending', attempts: 8, data: '{"total": 1}' });
    const { rows } = await stage.database.pool.query('SELECT tries_from FROM integration.webhook_delivery');
    expect(rows).toEqual([{ tries_from: 8 }]);
  });

  it('that are dead are sent again by an operation', async () => {
    const app = await stage.start();
    const id = await destinationOf(app);
    await app.publish({}, {}, {});
    await app.route();
    await triedAlready(stage.database, 'dead');
    const planned = await app.of('acme').planRedrive({ destinationId: id }, { by: 'ann', rate: 1_000 });
    expect(planned).toMatchObject({ plannedEvents: 3, requestedBy: 'ann' });
    expect(await runOperation(app, planned)).toMatchObject({ state: 'done', changed: 3 });
    expect((await deliveriesOf(stage.database, id)).map(({ status }) => status)).toEqual([
      'pending',
      'pending',
      'pending',
    ]);
  });

  it('are followed by the operation that sent them, until somebody sends them once more', async () => {
    const app = await stage.start();
    const id = await destinationOf(app);
    const positions = await app.publish({}, {}, {}, {});
    await app.route();
    await triedAlready(stage.database, 'dead');
    const planned = await app.of('acme').planRedrive({ destinationId: id });
    const done = await runOperation(app, planned);
    const operations = app.context.get(OperationService);
    const outlook = async () => {
      const verdict = await operations.verdict(planned.id);
      return { ...verdict, sentence: operations.outlook(done, verdict).sentence };
    };
    expect(await outlook()).toMatchObject({
      pending: 4,
      succeeded: 0,
      failedOtherwise: 0,
      sentence: 'Some of them are still on their way.',
    });
    const end = (status: string, position = 0) =>
      stage.database.pool.query(
        'UPDATE integration.webhook_delivery SET status = $1 WHERE position = $2 OR $2 = 0',
        [status, position],
      );
    await end('delivered');
    expect(await outlook()).toMatchObject({ succeeded: 4, sentence: 'All of them were delivered.' });
    await end('dead', positions[0]);
    await end('cancelled', positions[1]);
    expect(await outlook()).toMatchObject({
      succeeded: 2,
      failedOtherwise: 2,
      sentence: '2 of them were not delivered: they are dead or cancelled.',
    });
    await app.of('acme').redrive(`${id}.${positions[0]}`);
    expect(await outlook()).toMatchObject({
      pending: 0,
      failedOtherwise: 1,
      sentence: 'One of them was not delivered: it is dead or cancelled.',
    });
  });

  it('are not stopped for what fails, because that is known only when their retries are over', async () => {
    const app = await stage.start();
    const id = await destinationOf(app);
    const filter = { tenantId: 'acme', destinationId: id };
    for (const bound of [{ stopAfter: 1 }, { stopAbovePercent: 5 }])
      await expect(
        app.context.get(OperationService).plan({ kind: 'webhooks.redrive', filter, ...bound }),
      ).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
  });

  it('of a time are sent again by a replay, also those that the destination has not got', async () => {
    const app = await stage.start();
    const before = await app.publish(
      {},
      { metadata: { tenantId: 'globex' } },
      { eventName: 'invoice.checked' },
    );
    await app.route();
    const id = await destinationOf(app);
    const after = await app.publish({});
    await app.route();
    await triedAlready(stage.database, 'delivered');
    const planned = await app.of('acme').planReplay({ destinationId: id, since: new Date(0) });
    expect(planned).toMatchObject({ plannedEvents: 2 });
    expect(await runOperation(app, planned)).toMatchObject({ state: 'done', changed: 2 });
    expect(await app.context.get(OperationService).verdict(planned.id)).toMatchObject({ pending: 2 });
    expect(await deliveriesOf(stage.database, id)).toMatchObject([
      { position: before[0], status: 'pending' },
      { position: after[0], status: 'pending' },
    ]);
  });

  it('are deleted after their time with message and attempts, and those of removed destinations at once', async () => {
    const app = await stage.start();
    const id = await destinationOf(app);
    const removed = await destinationOf(app);
    const positions = await app.publish({}, {}, {});
    await app.route();
    await app.of('acme').remove(removed);
    await stage.database.pool.query(
      `INSERT INTO integration.webhook_attempt (destination_id, position, attempt, duration_ms)
       SELECT destination_id, position, 1, 5 FROM integration.webhook_delivery`,
    );
    await stage.database.pool.query(
      `UPDATE integration.webhook_delivery SET status = 'delivered' WHERE position < $1`,
      [positions[2]],
    );
    await stage.database.pool.query(
      `UPDATE integration.webhook_message SET created_at = created_at - interval '31 days' WHERE position <> $1`,
      [positions[1]],
    );
    await app.context.get(MaintenanceJob, { strict: false }).runRound();

    expect(await positionsOf(stage.database, id)).toEqual([positions[1], positions[2]]);
    expect(await positionsOf(stage.database, removed)).toEqual([]);
    const { rows } = await stage.database.pool.query(
      `SELECT (SELECT array_agg(position::int ORDER BY position) FROM integration.webhook_message) AS messages,
              (SELECT array_agg(position::int ORDER BY position) FROM integration.webhook_attempt) AS attempts`,
    );
    expect(rows).toEqual([
      { messages: [positions[1], positions[2]], attempts: [positions[1], positions[2]] },
    ]);
  });
});

describe('the doctor', () => {
  it('names destinations without a secret, behind the log, and disabled ones, and lanes without an owner', async () => {
    const app = await stage.start();
    const bare = await destinationOf(app);
    const behind = await destinationOf(app);
    const disabled = await destinationOf(app);
    await app.of('acme').pause(behind);
    await stage.database.pool.query(`DELETE FROM integration.integration_secret WHERE owner_id = $1`, [bare]);
    const positions = await app.publish({}, {});
    await app.route();
    await stage.database.pool.query('DELETE FROM integration.outbox_event WHERE position = $1', [
      positions[0],
    ]);
    await stage.database.pool.query(
      `UPDATE integration.webhook_destination SET status = 'disabled', reason = 'it answered 410' WHERE id = $1`,
      [disabled],
    );
    await stage.database.pool.query(
      `UPDATE integration.outgoing_target SET ready_at = clock_timestamp() - interval '5 minutes' WHERE id = $1`,
      [bare],
    );
    const { findings } = await app.context.get(DoctorService).examine();
    const of = (check: string) =>
      findings.filter((each) => each.check === check).map(({ key }) => key.split('/')[1]);
    expect(of('webhook-destination-without-secret')).toEqual([bare]);
    expect(of('webhook-destination-behind-the-log')).toEqual([behind]);
    expect(of('webhook-destination-disabled')).toEqual([disabled]);
    expect(of('webhook-lane-without-owner')).toHaveLength(1);
  });

  it('names a destination that its lane has forgotten, until it is paused and resumed', async () => {
    const app = await stage.start();
    const [forgotten, held, fresh] = [
      await destinationOf(app),
      await destinationOf(app),
      await destinationOf(app),
    ];
    await app.publish({});
    await app.route();
    await app.of('acme').pause(held);
    await stage.database.pool.query(
      `WITH due AS (
         UPDATE integration.webhook_delivery SET due_at = clock_timestamp() - interval '5 minutes' WHERE destination_id <> $1)
       UPDATE integration.outgoing_target SET ready_at = NULL`,
      [fresh],
    );
    const found = async () =>
      (await app.context.get(DoctorService).examine()).findings
        .filter(({ check }) => check === 'webhook-destination-forgotten')
        .map(({ key }) => key.split('/')[1]);
    expect(await found()).toEqual([forgotten]);
    await app.of('acme').pause(forgotten);
    await app.of('acme').resume(forgotten);
    expect(await found()).toEqual([]);
    const { rows } = await stage.database.pool.query(
      'SELECT ready_at IS NOT NULL AS ready FROM integration.outgoing_target WHERE id = $1',
      [forgotten],
    );
    expect(rows).toEqual([{ ready: true }]);
  });
});
