import { expect, test } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import type { Page } from 'playwright-core';
import { IntegrationSchedule, SchedulesModule, SchedulesService } from '../../src/schedules/index.js';
import { runSchedule } from '../../src/testing/index.js';
import { fitsEachScreen, violationsOf } from './stage/accessibility.js';
import { CANARIES } from './stage/canaries.js';
import { atRest, everyPage } from './stage/every-page.js';
import { openShop, PATH, READER } from './stage/shop.js';
import { onStage } from './stage/stage.js';

let fails = false;

@Injectable()
class Invoices {
  @IntegrationSchedule({
    name: 'invoices.nightly',
    cron: '0 2 * * *',
    timeZone: 'Europe/Berlin',
    retry: { maxAttempts: 1 },
  })
  nightly(): void {
    if (fails) throw new Error(`no paper ${CANARIES.script}`);
  }
}

@Module({ imports: [SchedulesModule.forRoot()], providers: [Invoices] })
class SchedulesOfShop {}

const stage = onStage((database) => openShop(database, { imports: [SchedulesOfShop] }));

const LONG_NAME = `${'a-schedule-with-a-long-name.'.repeat(3)}nightly`;
const heading = (page: Page, name: string) =>
  page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
const schedules = () => stage.shop.app.get(SchedulesService, { strict: false });

test('schedules with their next and last times, and one of them with its events', async () => {
  await schedules().upsert(LONG_NAME, { every: '15m', limit: 3, endAt: new Date('2090-01-01') });
  await schedules().upsert('paused', { cron: '@hourly' }, { by: CANARIES.img });
  await schedules().pause('paused');
  await runSchedule(stage.shop.app, 'invoices.nightly');
  fails = true;
  await runSchedule(stage.shop.app, 'invoices.nightly');
  fails = false;

  const { page } = await stage.open('', { bypassCSP: true });
  const main = page.getByRole('main');
  await page.getByRole('list', { name: 'Times' }).getByRole('link', { name: 'Schedules' }).click();
  await heading(page, 'Schedules');
  const table = main.getByRole('table', { name: 'Schedules' });
  const nightly = table.getByRole('row').filter({ hasText: 'invoices.nightly' });
  await nightly.getByText('0 2 * * * in Europe/Berlin').waitFor();
  await table.getByRole('row').filter({ hasText: LONG_NAME }).getByText('every 15 minutes').waitFor();
  await table.getByRole('row').filter({ hasText: 'paused' }).first().waitFor();
  await atRest(page);
  await fitsEachScreen(page, [nightly.getByRole('link', { name: 'invoices.nightly' })]);
  expect(await violationsOf(page)).toEqual([]);

  await page.setViewportSize({ width: 1280, height: 900 });
  await nightly.getByRole('link', { name: 'invoices.nightly' }).click();
  await heading(page, 'invoices.nightly');
  const nextTimes = main.getByRole('table', { name: 'Next times' }).getByRole('rowheader');
  await nextTimes.nth(4).waitFor();
  expect(await nextTimes.count()).toBe(5);
  const events = main.getByRole('table', { name: 'Last events' });
  await events.getByText('dead letter').waitFor();
  await events.getByText('done').waitFor();
  await events.getByText(CANARIES.script).waitFor();
  await main.getByText('Invoices.nightly (SchedulesOfShop)').waitFor();
  await atRest(page);
  await fitsEachScreen(page, [events.getByText('dead letter')]);
  expect(await violationsOf(page)).toEqual([]);

  await page.setViewportSize({ width: 1280, height: 900 });
  await stage.open('#/schedules/paused').then(async ({ page: other }) => {
    await heading(other, 'paused');
    await other.getByText('It is paused, so they pass by.').waitFor();
    await other.getByText(CANARIES.img).waitFor();
    await other.getByText('It has published nothing yet.').waitFor();
  });
}, 300_000);

test('a schedule is triggered, paused, resumed and removed from its page, with a reason and as a command', async () => {
  await schedules().upsert('to-change', { cron: '0 0 * * *' });
  const { page } = await stage.open('#/schedules/to-change', { bypassCSP: true });
  await heading(page, 'to-change');
  const change = async (button: string, act: string, reason: string) => {
    await page.getByRole('button', { name: button, exact: true }).click();
    const dialog = page.getByRole('dialog', { name: `${button} the schedule` });
    await dialog.getByLabel('Reason').fill(reason);
    expect(await dialog.getByLabel('The same as a command', { exact: true }).inputValue()).toBe(
      `npx nestjs-integration schedules ${button.toLowerCase()} --reason='${reason}' to-change`,
    );
    expect(await violationsOf(page)).toEqual([]);
    await dialog.getByRole('button', { name: act }).click();
    await dialog.waitFor({ state: 'detached' });
  };
  await change('Trigger', 'Trigger it', 'the report is missing');
  await page.getByRole('table', { name: 'Last events' }).getByText('triggered').waitFor();
  await change('Pause', 'Pause it', 'a holiday');
  await page.getByText('It is paused, so they pass by.').waitFor();
  await change('Resume', 'Resume it', 'back again');
  await page.getByText('Unless a time is skipped.').waitFor();
  await change('Remove', 'Remove it', 'not needed');
  expect(await schedules().get('to-change')).toBeUndefined();
  const { rows } = await stage.database.pool.query<{ action: string }>(
    `SELECT action FROM integration.integration_audit WHERE target = 'schedule/to-change' AND actor = 'ada@shop.example' ORDER BY id`,
  );
  expect(rows.map(({ action }) => action)).toEqual([
    'schedules.trigger',
    'schedules.pause',
    'schedules.resume',
    'schedules.remove',
  ]);
}, 200_000);

test('who may only read sees why nothing can be changed', async () => {
  await schedules().upsert('to-read', { cron: '0 0 * * *' });
  const { page } = await stage.open('#/schedules/to-read', { operator: READER });
  await heading(page, 'to-read');
  for (const name of ['Trigger', 'Pause', 'Remove'])
    expect(await page.getByRole('button', { name, exact: true }).getAttribute('aria-disabled')).toBe('true');
}, 120_000);

test('links lead to every schedule', async () => {
  const { page } = await stage.open();
  const opened = await everyPage(page, `${stage.shop.url}/${PATH}/ui`, async () => {});
  expect(opened).toContain('#/schedules');
  expect(opened).toContain('#/schedules/invoices.nightly');
}, 300_000);
