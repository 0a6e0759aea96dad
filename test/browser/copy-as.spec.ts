import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import ts from 'typescript';
import { runCommand } from '../support/command.js';
import { ROOT } from '../support/pages.js';
import { until } from '../support/until.js';
import { fitsEachScreen, violationsOf } from './stage/accessibility.js';
import { LONG_NUMBERS, releaseCanaries } from './stage/canaries.js';
import { openOrders } from './stage/orders.js';
import { KeyboardPerson } from './stage/person.js';
import { OPERATOR, PATH } from './stage/shop.js';
import { onStage } from './stage/stage.js';

/** What this tenant has is masked for everybody. */
const MASKED = 'secret-of-the-house';

const stage = onStage((database) =>
  openOrders(database, {
    admin: {
      mask: (payload, { aggregateId }) => (aggregateId === 'masked' ? { hidden: true } : payload),
    },
  }),
);
const COMMAND = 'The same as a command';

let placed: string;
let folder: string;

beforeAll(async () => {
  const { shop } = stage;
  [placed = ''] = await shop.place('copied');
  await shop.settled();
  mkdirSync(join(ROOT, 'generated'), { recursive: true });
  folder = mkdtempSync(join(ROOT, 'generated/copied-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Copies one form of the event that the page shows. Returns what the clipboard has then. */
async function copied(page: Page, form: string): Promise<string> {
  const dialog = page.getByRole('dialog', { name: 'Copy the event as' });
  if (!(await dialog.isVisible())) await page.getByRole('button', { name: 'Copy as' }).click();
  await dialog.getByLabel(form, { exact: true }).check();
  await dialog.getByRole('button', { name: 'Copy: ' }).click();
  await dialog.getByText('Copied.').waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

const openEvent = (id: string, options: Parameters<typeof stage.open>[1] = {}) =>
  stage.open(`#/events/${id}`, { permissions: ['clipboard-read', 'clipboard-write'], ...options });

/** The words that a POSIX shell makes of a command line, without `npx nestjs-integration`. */
function wordsOf(line: string): string[] {
  const { stdout, stderr, status } = spawnSync('sh', ['-c', `npx() { printf '%s\\0' "$@"; }; ${line}`], {
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  return stdout.split('\0').slice(1, -1);
}

/** What curl would send, as a shell tells it. */
function curled(line: string): string[] {
  const { stdout } = spawnSync('sh', ['-c', `TOKEN=mine; curl() { printf '%s\\0' "$@"; }; ${line}`], {
    encoding: 'utf8',
  });
  return stdout.split('\0').slice(0, -1);
}

/** What the compiler has to say of a file. */
function problemsOf(file: string): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const program = ts.createProgram([file], { ...options, incremental: false });
  return ts
    .getPreEmitDiagnostics(program, program.getSourceFile(file))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

/** Runs a file with Jest on the server of this run. Returns how many tests have passed, and what was said. */
function runByJest(file: string): { passed: number; failed: number; said: string } {
  const config = {
    rootDir: ROOT,
    roots: [folder],
    testMatch: [file],
    testEnvironment: 'node',
    extensionsToTreatAsEsm: ['.ts'],
    moduleNameMapper: {
      '^nestjs-integration$': join(ROOT, 'dist/index.js'),
      '^nestjs-integration/testing$': join(ROOT, 'dist/testing/index.js'),
    },
    transform: {
      '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }],
    },
    testTimeout: 60_000,
  };
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      '--experimental-vm-modules',
      join(ROOT, 'node_modules/jest/bin/jest.js'),
      ...['--config', JSON.stringify(config), '--json', '--watchman=false'],
    ],
    { cwd: ROOT, encoding: 'utf8', env: process.env },
  );
  const { numPassedTests: passed, numFailedTests: failed } = JSON.parse(stdout);
  return { passed, failed, said: stderr };
}

describe('an event', () => {
  test('is copied in each form, and what is copied is in sight', async () => {
    const { page } = await openEvent(placed, { viewport: { width: 390, height: 844 } });
    await page.getByRole('button', { name: 'Copy as' }).waitFor();
    await fitsEachScreen(page, [page.getByRole('button', { name: 'Copy as' })]);
    const json = JSON.parse(await copied(page, 'JSON'));
    expect(json).toMatchObject({
      outboxEventId: placed,
      eventName: 'order.placed',
      payload: { id: 'copied', total: 12 },
    });
    const line = await copied(page, 'curl');
    expect(curled(line)).toEqual([
      '--fail-with-body',
      '-H',
      'Authorization: Bearer mine',
      `${stage.shop.url}/${PATH}/events/${placed}`,
    ]);
    expect(line).not.toMatch(/cookie|session/i);
    const shown = await runCommand(wordsOf(await copied(page, 'Command')), stage.database);
    expect(shown).toMatchObject({ status: 0, stdout: expect.stringContaining('order.placed') });
    expect(await copied(page, 'Test')).toContain('publishAndDrain');
    const dialog = page.getByRole('dialog', { name: 'Copy the event as' });
    await fitsEachScreen(page, [
      ...(await dialog.getByRole('radio').all()),
      dialog.getByRole('textbox'),
      dialog.getByRole('button', { name: 'Copy: ' }),
    ]);
  });

  test('is copied by the keyboard, and axe finds nothing in the dialog', async () => {
    const { page } = await openEvent(placed);
    const person = new KeyboardPerson(page);
    await person.press(page.getByRole('button', { name: 'Copy as' }));
    const dialog = page.getByRole('dialog');
    await person.reach(dialog.getByLabel('JSON', { exact: true }));
    await page.keyboard.press('ArrowDown');
    expect(await dialog.getByLabel('Test', { exact: true }).isChecked()).toBe(true);
    await person.press(dialog.getByRole('button', { name: 'Copy: A test with such an event' }));
    await dialog.getByText('Copied.').waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  });

  test('as a test compiles and passes', async () => {
    const { page } = await openEvent(placed);
    const file = join(folder, 'placed.spec.ts');
    writeFileSync(file, await copied(page, 'Test'));
    expect(problemsOf(file)).toEqual([]);
    expect(runByJest(file)).toMatchObject({ passed: 1, failed: 0 });
  }, 180_000);

  test('as a test compiles and passes with names and payloads of any signs', async () => {
    const payload = JSON.parse(
      String.raw`{"__proto__": {"a": 1}, "it's": "\"__proto__\": ${'`$'}{x}", "turned": "\u202e\u2028", "list": [[], {}, null, 1.50, -0.1], "9": "*/"}`,
    );
    const { outboxEventId } = await stage.shop.api.publishEvent({
      eventName: 'copy.odd',
      sourceModule: "it's",
      aggregateType: 'a"b',
      aggregateId: `\${x}\`\\ \u202e`,
      eventVersion: 3,
      payload,
    });
    const { page } = await openEvent(outboxEventId);
    const text = await copied(page, 'Test');
    expect(text).not.toMatch(/[\u202a-\u202e]/);
    const file = join(folder, 'odd.spec.ts');
    writeFileSync(file, text);
    expect(problemsOf(file)).toEqual([]);
    expect(runByJest(file)).toMatchObject({ passed: 1, failed: 0 });
    // A test that expects another payload fails, so it is the payload that is compared.
    const wrong = join(folder, 'wrong.spec.ts');
    writeFileSync(wrong, text.replace('payload },\n    ]', 'payload: 7 },\n    ]'));
    expect(runByJest(wrong)).toMatchObject({ passed: 0, failed: 1 });
  }, 180_000);

  test('as JSON has every digit, and as a test says that some are lost', async () => {
    const { numbers } = await releaseCanaries(stage.database);
    const { page } = await openEvent(numbers);
    const json = await copied(page, 'JSON');
    for (const number of LONG_NUMBERS) expect(json.split(number).length).toBeGreaterThan(2);
    expect(await copied(page, 'Test')).toContain('JavaScript cannot hold all digits');
  });

  test('has nothing that is masked, or that the person may not read', async () => {
    const { outboxEventId } = await stage.shop.api.publishEvent({
      eventName: 'copy.masked',
      sourceModule: 'shop',
      aggregateType: 'order',
      aggregateId: 'masked',
      payload: { secret: MASKED },
    });
    const { page } = await openEvent(outboxEventId);
    for (const form of ['JSON', 'Test']) {
      const text = await copied(page, form);
      expect(text).toContain('hidden');
      expect(text).not.toContain(MASKED);
    }
    const operator = { ...OPERATOR, may: (action: string) => action !== 'payloads.read' };
    const { page: reader } = await openEvent(placed, { operator });
    expect(await copied(reader, 'JSON')).not.toContain('payload"');
    await reader.getByRole('dialog').getByLabel('Test', { exact: true }).check();
    await reader.getByRole('dialog').getByText('may not').waitFor();
    expect(await reader.getByRole('dialog').getByRole('textbox').count()).toBe(0);
  });

  test('is selected where the browser does not copy', async () => {
    const { page } = await openEvent(placed);
    await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
    await page.getByRole('button', { name: 'Copy as' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Copy: ' }).click();
    await page.getByRole('dialog').getByText('The text is selected').waitFor();
    const selected = await page.evaluate(() => {
      const { value, selectionStart, selectionEnd } = document.activeElement as HTMLTextAreaElement;
      return value.slice(selectionStart, selectionEnd);
    });
    expect(JSON.parse(selected)).toMatchObject({ outboxEventId: placed });
  });
});

const commandIn = (dialog: Locator) => dialog.getByLabel(COMMAND, { exact: true }).inputValue();

describe('a dialog of a change', () => {
  test('has a command that does the same, with the reason as it was typed', async () => {
    const { page } = await stage.open('#/consumers/mail');
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    const dialog = page.getByRole('dialog');
    const reason = `it's "out" $HOME \`id\` \\`;
    await dialog.getByLabel('Reason').fill(reason);
    const words = wordsOf(await commandIn(dialog));
    const pause = dialog.getByRole('button', { name: 'Pause' });
    await fitsEachScreen(page, [dialog.getByLabel(COMMAND, { exact: true }), pause]);
    expect(await runCommand([...words, '--yes'], stage.database)).toMatchObject({ status: 0 });
    const { rows } = await stage.database.pool.query(
      `SELECT pause_reason FROM integration.inbox_cursor WHERE consumer_name = 'mail'`,
    );
    expect(rows).toEqual([{ pause_reason: reason }]);
    await dialog.getByRole('button', { name: 'Leave it' }).click();
    await page.getByRole('button', { name: 'Resume' }).click();
    const resume = wordsOf(await commandIn(dialog));
    expect(await runCommand([...resume, '--yes'], stage.database)).toMatchObject({ status: 0 });
  });

  test.each([
    ['Partitions', 'would have 3 partitions'],
    ['Replay', 'would be sent to "mail" again'],
    // A process of the shop works on it.
    ['Delete', 'belongs to live processes'],
  ])('%s of a consumer has a command', async (button, said) => {
    const { page } = await stage.open('#/consumers/mail');
    await page.getByRole('button', { name: button, exact: true }).click();
    const dialog = page.getByRole('dialog');
    if (button === 'Partitions') await dialog.getByLabel('Number of partitions').fill('3');
    if (button === 'Replay') await dialog.getByLabel('At most').fill('2');
    const words = wordsOf(await commandIn(dialog));
    const { stdout, stderr } = await runCommand([...words, '--dry-run'], stage.database);
    expect(stdout + stderr).toContain(said);
    expect(await violationsOf(page)).toEqual([]);
  });

  test('that changes settings has a command for each of them', async () => {
    const { page } = await stage.open('#/settings');
    await page.getByRole('main').getByLabel('pollingIntervalMs', { exact: true }).fill('350');
    await page.getByRole('button', { name: 'Store' }).click();
    const words = wordsOf(await commandIn(page.getByRole('dialog')));
    const outcome = await runCommand([...words, '--dry-run'], stage.database);
    expect(outcome).toMatchObject({ status: 0, stdout: expect.stringContaining('350') });
  });

  test('that corrects, notes, redrives or discards has a command', async () => {
    const { shop, database } = stage;
    shop.receiver.refuse('broken');
    const [broken = ''] = await shop.place('broken');
    await shop.has('billing', 'dead_letter', 1);
    const { page } = await stage.open(`#/events/${broken}`);
    const dialog = page.getByRole('dialog');
    for (const [button, would] of [
      ['Send again to billing', '1 event would be sent'],
      ['Discard for billing', '1 event would be set aside'],
    ] as const) {
      await page.getByRole('button', { name: button }).click();
      await dialog.getByLabel('Reason').fill('tried');
      const words = wordsOf(await commandIn(dialog));
      const outcome = await runCommand([...words, '--dry-run'], database);
      expect(outcome).toMatchObject({ status: 0, stdout: expect.stringContaining(would) });
      await dialog.getByRole('button', { name: 'Leave it' }).click();
    }
    await page.getByRole('button', { name: 'Correct it for billing' }).click();
    await dialog.getByLabel('Reason').fill(`it's mended`);
    await until('the payload is read', async () => (await commandIn(dialog)).startsWith('curl'));
    const words = curled(await commandIn(dialog));
    expect(words.at(-1)).toBe(`${shop.url}/${PATH}/events/${broken}/correct`);
    expect(JSON.parse(words[words.indexOf('--data') + 1] ?? '')).toEqual({
      consumer: 'billing',
      patch: [],
      reason: `it's mended`,
    });
  });

  test('of a kind of failures has a command for the canary, for all and for those that are chosen', async () => {
    const { shop, database } = stage;
    shop.receiver.refuse('kind');
    const [broken = ''] = await shop.place('kind');
    await shop.has('billing', 'dead_letter', 2);
    const { page } = await stage.open(`#/events/${broken}`);
    await page.getByRole('link', { name: 'All of this kind' }).click();
    const dialog = page.getByRole('dialog');
    const check = async (button: string | RegExp, would: string) => {
      await page.getByRole('main').getByRole('button', { name: button }).first().click();
      await dialog.getByLabel('Reason').fill('tried');
      const words = wordsOf(await commandIn(dialog));
      const outcome = await runCommand([...words, '--dry-run'], database);
      expect(outcome).toMatchObject({ status: 0, stdout: expect.stringContaining(would) });
      await dialog.getByRole('button', { name: 'Leave it' }).click();
    };
    await check(/as a canary/, '2 events would be sent');
    await check('Send all again', '2 events would be sent');
    await check('Discard all', '2 events would be set aside');
    await page.getByRole('checkbox').last().check();
    await check('Send 1 event again', '1 event would be sent');
    await check('Discard 1 event', '1 event would be set aside');
  });
});
