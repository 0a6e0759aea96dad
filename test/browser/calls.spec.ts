import { expect, test } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import type { Page } from 'playwright-core';
import {
  type CallOf,
  CallsModule,
  type CallUpdate,
  ExternalCallsService,
  ExternalCallType,
} from '../../src/calls/index.js';
import { SagasModule } from '../../src/sagas/index.js';
import { until } from '../support/until.js';
import { fitsEachScreen, violationsOf } from './stage/accessibility.js';
import { CANARIES } from './stage/canaries.js';
import { atRest, everyPage } from './stage/every-page.js';
import { openShop, PATH, READER } from './stage/shop.js';
import { onStage } from './stage/stage.js';

type Wanted = 'done' | 'refused' | 'lost' | 'long';

/** A system that answers as it is asked to. */
@Injectable()
@ExternalCallType({ type: 'tts', unknownOutcome: 'fail', poll: { firstMs: 3_600_000, maxMs: 3_600_000 } })
class TtsCalls {
  async start({ id, request }: CallOf<Wanted>): Promise<CallUpdate> {
    if (request === 'lost') throw new Error(`reset by peer: ${CANARIES.script}`);
    if (request === 'refused')
      return { phase: 'failed', error: { code: 'E7', message: `refused: ${CANARIES.img}` } };
    if (request === 'done') return { phase: 'completed', result: 'never-shown' };
    return { phase: 'processing', externalId: `x-${id}` };
  }

  async poll(): Promise<CallUpdate> {
    return { phase: 'processing' };
  }

  async cancel(): Promise<void> {}
}

/** Calls and sagas have one group of pages. */
@Module({ imports: [CallsModule.forRoot(), SagasModule.forRoot()], providers: [TtsCalls] })
class CallsOfShop {}

const stage = onStage((database) => openShop(database, { imports: [CallsOfShop] }));

const calls = () => stage.shop.app.get(ExternalCallsService, { strict: false });
const heading = (page: Page, name: string) =>
  page.getByRole('heading', { level: 1, name, exact: true }).waitFor();

/** A call that the other system has answered. */
async function answered(request: Wanted, more: { tenantId?: string; group?: string } = {}): Promise<string> {
  const { callId } = await calls().create(TtsCalls, {
    request,
    subject: { type: 'book', id: `of ${CANARIES.img}` },
    ...more,
  });
  await until(`call ${callId} was answered`, async () => {
    const call = await calls().get(callId);
    return call !== undefined && call.status !== 'requested';
  });
  return callId;
}

test('calls by type and state, those of an unknown outcome, and one of them with its timeline', async () => {
  for (const request of ['done', 'done', 'refused', 'lost'] as const) await answered(request);
  const long = await answered('long', { tenantId: 'tenant-with-a-long-name/'.repeat(5), group: 'eu' });
  for (let times = 0; times < 3; times++)
    await calls().report({ callId: long }, { phase: 'processing' }, { source: `webhook.${CANARIES.img}` });

  const { page } = await stage.open('', { bypassCSP: true });
  const main = page.getByRole('main');
  const group = page.getByRole('list', { name: 'Conversations' });
  await group.getByRole('link', { name: 'Calls' }).click();
  await heading(page, 'Calls');
  expect(await group.getByRole('link').allTextContents()).toEqual(['Calls', 'Sagas']);
  const counts = main.getByRole('table', { name: 'Calls by type and state' }).getByRole('row');
  await counts
    .filter({ hasText: 'completed' })
    .getByRole('link', { name: '2 completed calls of tts' })
    .waitFor();
  const failed = counts.filter({ hasText: 'failed' });
  await atRest(page);
  await fitsEachScreen(page, [failed.getByRole('link', { name: '1 unknown' })]);
  expect(await violationsOf(page)).toEqual([]);

  await page.setViewportSize({ width: 1280, height: 900 });
  await failed.getByRole('link', { name: '1 unknown' }).click();
  const each = main.getByRole('table', { name: 'Calls', exact: true });
  await each.getByText('outcome unknown', { exact: true }).waitFor();
  await each.getByText(CANARIES.script).waitFor();
  await atRest(page);
  expect(await each.getByRole('rowheader').count()).toBe(1);
  await main.getByRole('button', { name: 'Clear' }).click();
  await each.getByRole('link', { name: long }).click();
  await heading(page, long);
  await main.getByText('The other system is asked how far it is').waitFor();
  const reports = main.getByRole('table', { name: 'Reports' }).getByRole('row');
  await reports.filter({ hasText: 'start' }).getByText('applied', { exact: true }).waitFor();
  const repeated = reports.filter({ hasText: CANARIES.img });
  await repeated.getByText('kept', { exact: true }).waitFor();
  await repeated.getByText(/^3, last/).waitFor();
  await atRest(page);
  await fitsEachScreen(page, [repeated.getByText('kept', { exact: true })]);
  expect(await violationsOf(page)).toEqual([]);
  // What was asked and answered is data of the application.
  expect(await page.content()).not.toContain('never-shown');
}, 300_000);

test('a call is asked for and cancelled with a reason, and its page says so', async () => {
  const id = await answered('long');
  const { page } = await stage.open(`#/calls/${id}`, { bypassCSP: true });
  await heading(page, id);
  await page.getByRole('button', { name: 'Check', exact: true }).click();
  const check = page.getByRole('dialog', { name: 'Check the call' });
  expect(await violationsOf(page)).toEqual([]);
  await page.setViewportSize({ width: 1280, height: 900 });
  await check.getByRole('button', { name: 'Ask now' }).click();
  await check.waitFor({ state: 'detached' });
  const reports = page.getByRole('table', { name: 'Reports' });
  await reports.getByRole('row').filter({ hasText: 'poll' }).getByText('kept', { exact: true }).waitFor();

  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  const cancel = page.getByRole('dialog', { name: 'Cancel the call' });
  await cancel.getByLabel('Reason').fill('the customer called');
  expect(await cancel.getByLabel('The same as a command', { exact: true }).inputValue()).toBe(
    `npx nestjs-integration calls cancel --reason='the customer called' ${id}`,
  );
  await cancel.getByRole('button', { name: 'Cancel it' }).click();
  await cancel.waitFor({ state: 'detached' });
  await page.getByText('the customer called', { exact: true }).waitFor();
  await reports
    .getByRole('row')
    .filter({ hasText: 'cancel' })
    .getByText('applied', { exact: true })
    .waitFor();
  expect(await calls().get(id)).toMatchObject({ status: 'canceled', cancelReason: 'the customer called' });
  // The buttons stay, and say why they do nothing more. The page may still be reading the call.
  await page.getByRole('button', { name: 'Cancel', exact: true, disabled: true }).waitFor();
  await page.getByRole('button', { name: 'Cancel', exact: true }).click({ force: true });
  expect(await page.getByRole('dialog').count()).toBe(0);
}, 120_000);

test('a call that has failed is repeated from its page, which leads to the new one', async () => {
  const id = await answered('refused');
  const { page } = await stage.open(`#/calls/${id}`);
  await heading(page, id);
  await page.getByRole('button', { name: 'Retry' }).click();
  const dialog = page.getByRole('dialog', { name: 'Retry the call' });
  await dialog.getByRole('button', { name: 'Retry it' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('link', { name: id }).waitFor();
  const { calls: newest } = await calls().list({}, { limit: 1 });
  expect(newest).toMatchObject([{ retryOf: id }]);
  await heading(page, newest[0]?.id ?? '');
}, 120_000);

test('an empty list says so, a call that is not there as well, and who may only read sees why', async () => {
  const { page } = await stage.open('#/calls?type=nothing', { operator: READER });
  await page.getByText('No call is like that.').waitFor();
  await page.goto(`${page.url().split('#')[0]}#/calls/00000000-0000-7000-8000-000000000001`);
  await page.getByText(/There is no call 00000000-0000-7000-8000-000000000001/).waitFor();
  const id = await answered('long');
  await page.goto(`${page.url().split('#')[0]}#/calls/${id}`);
  await heading(page, id);
  await page.getByRole('button', { name: 'Cancel', exact: true }).hover();
  await page
    .getByText(/may not ask for calls, repeat or cancel them/)
    .last()
    .waitFor();
}, 120_000);

test('links lead to the page, and from there to every call', async () => {
  await answered('done');
  const { page } = await stage.open();
  const opened = await everyPage(page, `${stage.shop.url}/${PATH}/ui`, async () => {});
  expect(opened).toContain('#/calls');
  expect(opened.some((route) => route.startsWith('#/calls/'))).toBe(true);
}, 300_000);
