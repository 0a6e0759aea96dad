import { createHmac, randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { SecretsModule, staticKeys } from 'nestjs-integration/secrets';
import {
  githubSource,
  IncomingEndpointsService,
  IncomingWebhookService,
  WebhooksModule,
} from 'nestjs-integration/webhooks';
import { violationsOf } from './stage/accessibility.js';
import { CANARIES } from './stage/canaries.js';
import { atRest } from './stage/every-page.js';
import { openShop, READER } from './stage/shop.js';
import { onStage } from './stage/stage.js';

const SECRET = 'the secret of github';
const BODY = JSON.stringify({ action: 'opened' });

const stage = onStage((database) =>
  openShop(database, {
    imports: [
      WebhooksModule.forRoot({
        incoming: {
          sources: [
            githubSource({ secrets: SECRET }),
            githubSource({ key: 'hub', secrets: 'endpoint' }),
            githubSource({ key: 'quiet', secrets: SECRET }),
          ],
        },
      }),
      SecretsModule.forRoot({ keys: staticKeys({ k1: randomBytes(32) }) }),
    ],
  }),
);

async function deliver(path: string, id: string, secret = 'the secret of a stranger'): Promise<void> {
  const signature = createHmac('sha256', secret).update(BODY).digest('hex');
  await fetch(`${stage.shop.url}/webhooks/${path}`, {
    method: 'POST',
    body: BODY,
    headers: {
      'x-github-event': 'push',
      'x-github-delivery': id,
      'x-hub-signature-256': `sha256=${signature}`,
    },
  });
}

test('who was refused since when, at which step, and the endpoint of a tenant that is paused', async () => {
  const { shop } = stage;
  const endpoints = shop.app.get(IncomingEndpointsService, { strict: false }).forTenant('acme');
  const { endpoint } = await endpoints.create({ source: 'hub', secret: 'the secret of acme' });
  await deliver('github', 'good', SECRET);
  for (const id of ['d1', 'd2', CANARIES.script, CANARIES.turned.replace(/\P{ASCII}/gu, '')])
    await deliver('github', id);
  await deliver(`hub/${endpoint.id}`, 'd3');
  await deliver(`hub/${encodeURIComponent(CANARIES.img)}`, 'd4');
  await deliver(`hub/${encodeURIComponent(CANARIES.turned)}`, 'd5');
  await deliver('nosuch', 'd6');
  // A process writes what it has noted when it stops, and every five seconds.
  const webhooks = shop.app.get(IncomingWebhookService, { strict: false });
  await (webhooks as unknown as { record: { flush(): Promise<void> } }).record.flush();

  const { page } = await stage.open('', { bypassCSP: true });
  const main = page.getByRole('main');
  const group = page.getByRole('list', { name: 'Webhooks' });
  await group.getByRole('link', { name: 'Sources' }).click();
  const github = main.getByRole('row').filter({ hasText: 'signature 4' });
  await github.getByText('all refused').waitFor();
  await main.getByText('Names that are not a source').waitFor();
  await main.getByText('none accepted yet').waitFor();
  await atRest(page);
  expect(await violationsOf(page)).toEqual([]);

  await page.setViewportSize({ width: 1280, height: 900 });
  await github.getByRole('link', { name: 'github' }).click();
  await page.getByRole('heading', { level: 1, name: 'github' }).waitFor();
  await main.getByText('Everything has been refused since').waitFor();
  await main.getByText(CANARIES.script, { exact: true }).waitFor();
  await atRest(page);
  expect(await violationsOf(page)).toEqual([]);

  await page.setViewportSize({ width: 1280, height: 900 });
  await group.getByRole('link', { name: 'Endpoints' }).click();
  await page.getByRole('heading', { level: 1, name: 'Endpoints of webhooks' }).waitFor();
  await main.getByLabel('Tenant').fill('nobody');
  await main.getByRole('button', { name: 'Filter' }).click();
  await main.getByText('No endpoint is like that.').waitFor();
  await main.getByLabel('Tenant').fill('acme');
  await main.getByRole('button', { name: 'Filter' }).click();
  await main.getByRole('link', { name: endpoint.id }).waitFor();
  await atRest(page);
  expect(await violationsOf(page)).toEqual([]);

  await page.setViewportSize({ width: 1280, height: 900 });
  await main.getByRole('link', { name: endpoint.id }).click();
  await page.getByRole('heading', { level: 1, name: endpoint.id }).waitFor();
  await main.getByText('d3', { exact: true }).waitFor();
  await main.getByRole('button', { name: 'Pause' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: /^Reason/ }).fill('their tests run wild');
  await dialog.getByRole('button', { name: 'Pause' }).click();
  await main.getByText('paused', { exact: true }).waitFor();
  expect((await endpoints.get(endpoint.id)).status).toBe('paused');
  await atRest(page);
  expect(await violationsOf(page)).toEqual([]);
  expect(await page.content()).not.toMatch(/the secret of (acme|github|a stranger)/);

  await page.setViewportSize({ width: 1280, height: 900 });
  await page.goto(`${shop.url}/ops/integration/ui#/webhooks/hub`);
  await main.getByText(CANARIES.img, { exact: true }).waitFor();
  expect(await page.content()).not.toMatch(/[\u202A-\u202E\u2066-\u2069]/);
  expect(await violationsOf(page)).toEqual([]);
});

test('who may only read sees the endpoint, and is told why it cannot be paused', async () => {
  const { shop } = stage;
  const endpoints = shop.app.get(IncomingEndpointsService, { strict: false }).forTenant('other');
  const { endpoint } = await endpoints.create({ source: 'hub', secret: 'the secret of other' });
  const { page } = await stage.open(`#/webhook-endpoints/${endpoint.id}`, { operator: READER });
  await page.getByRole('main').getByRole('button', { name: 'Pause' }).press('Enter');
  expect(await page.getByRole('dialog').count()).toBe(0);
  await page.getByText('may not change endpoints and destinations of webhooks').waitFor();
});
