import { randomBytes } from 'node:crypto';
import { beforeAll, expect, test } from '@jest/globals';
import { IsInt, IsString, ValidateIf } from 'class-validator';
import { z } from 'zod';
import { ContractsModule, classSchema, defineEvent, type EventSchema } from '../../src/contracts/index.js';
import { SecretService, SecretsModule, staticKeys } from '../../src/secrets/index.js';
import { PLANTED, shapesOf } from '../support/never-shown.js';
import { startSecretsApp } from '../support/secrets-app.js';
import { violationsOf } from './stage/accessibility.js';
import { everyPage, openPage } from './stage/every-page.js';
import { KeyboardPerson } from './stage/person.js';
import { openShop, PATH, READER } from './stage/shop.js';
import { onStage } from './stage/stage.js';

const EARLIER = randomBytes(32);
const PRESENT = randomBytes(32);
const OWNER = { tenantId: 'acme', ownerType: 'webhook_endpoint', ownerId: 'e1' };

class Payment {
  @IsInt()
  cents!: number;

  @ValidateIf(({ cents }: Payment) => cents > 100)
  @IsString()
  approvedBy!: string;
}
const plain: EventSchema<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'plain', validate: (value) => ({ value }) },
};
const CONTRACTS = [
  defineEvent({ name: 'order.placed', schema: z.object({ total: z.number() }), description: 'An order.' }),
  defineEvent({ name: 'order.paid', schema: classSchema(Payment), visibility: 'public' }),
  defineEvent({ name: 'parcel.sent', schema: plain, retired: true }),
];

const stage = onStage((database) =>
  openShop(database, {
    imports: [
      SecretsModule.forRoot({ keys: staticKeys({ present: PRESENT, earlier: EARLIER }) }),
      ContractsModule.forRoot(),
      ContractsModule.forFeature(CONTRACTS),
    ],
  }),
);
const PAGES = ['#/secrets', '#/secrets?tenant=acme', '#/keys', '#/contracts', '#/contracts/order.placed'];
const OF_CONTRACTS = ['#/contracts/order.paid', '#/contracts/parcel.sent'];

beforeAll(async () => {
  const { database } = stage;
  const app = await startSecretsApp(database, staticKeys({ earlier: EARLIER }));
  const secrets = app.get(SecretService);
  await secrets.store({ ...OWNER, name: 'signing' }, PLANTED);
  await secrets.rotate({ ...OWNER, name: 'signing' }, PLANTED, { overlapMs: 3_600_000 });
  await secrets.store({ ...OWNER, tenantId: 'beta', name: '<img src=x onerror=canaryDied(1)>' }, PLANTED);
  await app.close();
  await database.pool.query(
    `UPDATE integration.integration_secret SET sealed = sealed || '\\x00' WHERE tenant_id = 'beta'`,
  );
}, 60_000);

test('axe finds nothing on the pages of secrets, keys and contracts, and they show no secret', async () => {
  const { shop, database } = stage;
  const { rows } = await database.pool.query<{ bytes: Buffer }>(
    `SELECT sealed AS bytes FROM integration.integration_secret
     UNION ALL SELECT wrapped FROM integration.integration_data_key`,
  );
  const hidden = shapesOf(EARLIER, PRESENT, ...rows.map(({ bytes }) => bytes));
  // axe looks into styles, which the page's own policy would not let a foreign script do.
  const { page } = await stage.open('', { bypassCSP: true });
  const answers: string[] = [];
  page.on('response', (response) => {
    void response.text().then(
      (text) => answers.push(text),
      () => {},
    );
  });
  const found: Record<string, readonly string[]> = {};
  const opened: string[] = [];
  for (const route of [...PAGES, ...OF_CONTRACTS]) {
    await openPage(page, `${shop.url}/${PATH}/ui`, route);
    const text = (await page.evaluate(() => document.body.textContent)) ?? '';
    opened.push(text);
    const violations = await violationsOf(page);
    if (violations.length > 0) found[route] = violations;
  }
  expect(found).toEqual({});
  const [secrets = '', , keys = '', contracts = ''] = opened;
  expect(secrets).toContain('signing');
  expect(secrets).toContain('cannot be opened');
  expect(keys).toContain('earlier');
  expect(contracts).toContain('order.placed');
  expect(answers.some((text) => text.includes('signing'))).toBe(true);
  const everything = [...opened, ...answers].join('\n');
  expect(hidden.filter((each) => everything.includes(each))).toEqual([]);
}, 300_000);

test('links lead to every page, as the session names the parts', async () => {
  const { page } = await stage.open();
  const opened = await everyPage(page, `${stage.shop.url}/${PATH}/ui`, async () => {});
  expect(opened).toEqual(
    expect.arrayContaining(['#/secrets', '#/keys', '#/contracts', '#/contracts/order.placed']),
  );
}, 300_000);

test('a contract says whether a change of it would be noticed', async () => {
  const { page } = await stage.open('#/contracts/order.paid');
  await page.getByText('payload.approvedBy (ValidateIf)').waitFor();
  await page.goto(`${stage.shop.url}/${PATH}/ui#/contracts/parcel.sent`);
  await page.getByText('nobody notices when the contract changes').waitFor();
  await page.goto(`${stage.shop.url}/${PATH}/ui#/contracts/order.placed`);
  const schema = page.getByLabel('JSON Schema of version 1');
  await schema.locator('.json-key').filter({ hasText: '"total"' }).waitFor();
});

test('a reader finds the buttons of keys, and why they do nothing', async () => {
  const { page } = await stage.open('#/keys', { operator: READER });
  const rotate = page.getByRole('button', { name: 'Rotate' });
  await rotate.waitFor();
  await new KeyboardPerson(page).press(rotate);
  await page.getByText('The permission that is missing is secrets.rotate').first().waitFor();
  expect(await page.getByRole('dialog').count()).toBe(0);
});

test('keys are rotated and a tenant is resealed by the keyboard, with a reason for the audit', async () => {
  const { page } = await stage.open('#/keys');
  const person = new KeyboardPerson(page);
  await person.press(page.getByRole('button', { name: 'Rotate' }));
  const rotation = page.getByRole('dialog');
  await rotation.getByText('2 data keys').waitFor();
  await person.type(rotation.getByLabel('Reason (optional)'), 'yearly');
  await person.press(rotation.getByRole('button', { name: 'Rotate' }));
  await page.getByText('2 data keys are wrapped by the current key now.').waitFor();
  const rotate = page.getByRole('button', { name: 'Rotate' });
  await page.getByText('still needed').waitFor({ state: 'detached' });
  expect(await rotate.getAttribute('aria-disabled')).toBe('true');

  await person.press(page.getByRole('button', { name: 'Reseal a tenant' }));
  const reseal = page.getByRole('dialog');
  await person.type(reseal.getByLabel('Tenant (empty in an application without tenants)'), 'acme');
  await person.type(reseal.getByLabel('Reason (optional)'), 'leaked');
  await person.press(reseal.getByRole('button', { name: 'Reseal' }));
  await page.getByText('2 versions of secrets are sealed with a new data key.').waitFor();
  const { rows } = await stage.database.pool.query(
    'SELECT action, actor, reason FROM integration.integration_audit ORDER BY id',
  );
  expect(rows).toEqual([
    { action: 'keys.rotate', actor: 'ada@shop.example', reason: 'yearly' },
    { action: 'keys.reseal', actor: 'ada@shop.example', reason: 'leaked' },
  ]);
});

test('an application without the parts shows none of their pages', async () => {
  const shop = await openShop(stage.database);
  try {
    const { page } = await stage.open('#/keys', { url: shop.url });
    await shop.sessions.signIn(page.context(), shop.url);
    await page.reload();
    await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
    await page.getByRole('link', { name: 'Consumers' }).first().waitFor();
    expect(await page.getByRole('link', { name: /^(Secrets|Keys|Contracts)$/ }).count()).toBe(0);
  } finally {
    await shop.close();
  }
});
