import { expect, test } from '@jest/globals';
import { until } from '../support/until.js';
import { openOrders } from './stage/orders.js';
import { PATH } from './stage/shop.js';
import { onStage } from './stage/stage.js';

const stage = onStage(openOrders);

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

test('the page has the strict policy, and nothing but the page may be kept by the browser', async () => {
  const { page } = await stage.open('#/overview');
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  const answer = await page.request.get(`${stage.shop.url}/${PATH}/ui`);
  expect(answer.headers()).toMatchObject({
    'content-security-policy': POLICY,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
});

test('the page and its parts are behind the guard', async () => {
  const { page } = await stage.open('#/overview');
  const parts = await page
    .locator('script[src], link[rel="stylesheet"]')
    .evaluateAll((elements) =>
      elements.map((element) =>
        element instanceof HTMLScriptElement ? element.src : (element as HTMLLinkElement).href,
      ),
    );
  expect(parts.length).toBeGreaterThanOrEqual(2);
  for (const url of [page.url().split('#', 1)[0] ?? '', ...parts])
    expect({ url, status: (await fetch(url)).status }).toEqual({ url, status: 401 });
});

// The other tests rely on it: what breaks the policy is noted.
test.each([
  [
    'a script in the page',
    () => {
      const script = document.createElement('script');
      script.append('window.canaryDied("inline")');
      document.body.append(script);
    },
  ],
  [
    'markup from a text',
    () => {
      try {
        document.body.innerHTML = '<img src=x onerror=canaryDied("markup")>';
      } catch {
        // It throws, and is reported.
      }
    },
  ],
  ['a call of another origin', () => void fetch('https://other.example/').catch(() => undefined)],
  [
    'an image of another origin',
    () => document.body.append(Object.assign(new Image(), { src: 'https://other.example/a.png' })),
  ],
])('%s is refused and reported', async (_: string, act: () => void) => {
  const { page, complaints } = await stage.open('#/overview', { mayComplain: true });
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await page.evaluate(act);
  await until('it is reported', async () => complaints.csp.length > 0);
  expect(complaints.csp.length).toBeGreaterThan(0);
  expect(complaints.dialogs).toEqual([]);
});
