// Makes the pictures of the README: `npm run build && node scripts/screenshots.mjs`, after `npm run demo` was built once.
// It opens the dashboard of `npm run demo -- --serve`, and lets enough happen that there is something to see.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { findChromium } from './chromium.mjs';

const ROOT = join(import.meta.dirname, '..');
const FOLDER = join(ROOT, 'docs/images');
const SIZE = { width: 1280, height: 800 };
/** Until then the receiver has been down three times, and the charts have some minutes. */
const WATCHED_MS = 200_000;

const executablePath = findChromium();
if (executablePath === undefined) throw new Error('There is no Chromium here: name one with CHROMIUM');
mkdirSync(FOLDER, { recursive: true });

const demo = spawn(process.execPath, ['examples/activity-feed/dist/demo/main.js', '--serve'], {
  cwd: ROOT,
  stdio: ['ignore', 'pipe', 'ignore'],
});
const exited = new Promise((resolve) => demo.once('exit', resolve));
// It listens from the beginning, because a demo that ends at once would not be heard later.
const address = addressOf(demo);
address.catch(() => {});
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const url = await address;
  const page = await pageIn('light');
  await page.goto(`${url}#/overview`);
  await delay(WATCHED_MS);
  await page.screenshot({ path: join(FOLDER, 'dashboard-overview.png') });

  const dark = await pageIn('dark');
  await dark.goto(`${url}#/dead-letters`);
  await dark.getByRole('main').getByRole('link', { name: /422/ }).first().click();
  await dark.getByRole('main').getByRole('rowheader').first().getByRole('link').click();
  await dark.getByRole('main').getByText('The receiver answered 422').first().waitFor();
  await delay(1_000);
  await dark.screenshot({ path: join(FOLDER, 'dashboard-event.png') });
} finally {
  await browser.close();
  demo.kill('SIGINT');
  await exited;
}

async function pageIn(colorScheme) {
  const context = await browser.newContext({ viewport: SIZE, colorScheme, locale: 'en-GB' });
  return context.newPage();
}

/** The demo prints where its dashboard is. */
async function addressOf({ stdout }) {
  for await (const line of createInterface({ input: stdout })) {
    const url = /^Dashboard\s+(\S+)/.exec(line)?.[1];
    if (url !== undefined) {
      stdout.resume();
      return url;
    }
  }
  throw new Error('The demo ended before its dashboard was there');
}
