import type { Page } from 'playwright-core';

/** Pages of one kind, such as single events, are alike. So many of each kind are opened. */
export const MOST_OF_A_KIND = 3;
/** So long a page may take to have everything that it shows. */
const READY_WITHIN_MS = 40_000;

/**
 * Opens every page that the links of the dashboard lead to, from the overview on, and gives each to `look`
 * when it has come to rest. Folded parts are unfolded. Returns the routes.
 */
export async function everyPage(
  page: Page,
  dashboard: string,
  look: (route: string) => Promise<void>,
  starts: readonly string[] = [],
  most = MOST_OF_A_KIND,
): Promise<string[]> {
  const waiting = ['#/overview', ...starts];
  const met = new Set<string>(waiting);
  const ofKind = new Map<string, number>();
  const opened: string[] = [];
  for (let route = waiting.shift(); route !== undefined; route = waiting.shift()) {
    const kind = kindOf(route);
    const count = (ofKind.get(kind) ?? 0) + 1;
    if (count > most && !starts.includes(route)) continue;
    ofKind.set(kind, count);
    await openPage(page, dashboard, route);
    opened.push(route);
    await look(route);
    for (const link of await linksOf(page)) {
      if (met.has(link)) continue;
      met.add(link);
      waiting.push(link);
    }
  }
  return opened;
}

export async function openPage(page: Page, dashboard: string, route: string): Promise<void> {
  await page.goto('about:blank');
  await page.goto(`${dashboard}${route}`);
  await atRest(page);
  const folded = page.locator('main details:not([open]) > summary');
  // Unfolding one takes it out of those that are left.
  for (let left = await folded.count(); left > 0; left--) await folded.first().click();
  // The bar at the top would cover what was scrolled below it.
  await page.evaluate(() => scrollTo(0, 0));
  await atRest(page);
}

/** Waits until the page has a title and reads nothing any more. */
export async function atRest(page: Page): Promise<void> {
  await page.locator('main h1').waitFor({ timeout: READY_WITHIN_MS });
  await page.waitForFunction(
    () => document.querySelector('main .loading, main [aria-busy="true"]') === null,
    undefined,
    { timeout: READY_WITHIN_MS },
  );
}

function linksOf(page: Page): Promise<string[]> {
  return page
    .locator('a[href^="#/"]')
    .evaluateAll((links) => links.map((link) => link.getAttribute('href') ?? ''));
}

/** `#/events/…` and `#/events/…/…` are of two kinds. A list is of another kind with each filter. */
function kindOf(route: string): string {
  const [path = '', query = ''] = route.split('?');
  const parts = path.split('/').slice(1);
  return `${parts[0]} ${parts.length} ${[...new URLSearchParams(query).keys()].sort().join()}`;
}
