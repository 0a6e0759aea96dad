import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { createTestDatabase, type TestDatabase } from '../../support/test-database.js';
import { type Browser, type Complaints, startBrowser, type Visit, visit } from './browser.js';
import { OPERATOR, type Operator, PATH, type Shop } from './shop.js';

/** A window of somebody who has signed in and opened the dashboard. */
export interface Window {
  readonly page: Page;
  readonly complaints: Complaints;
}

export interface OpenOptions extends BrowserContextOptions {
  readonly operator?: Operator;
  /** The origin, where a proxy stands before the application. */
  readonly url?: string;
  /** The path of the dashboard. */
  readonly path?: string;
  /** Whether the test moves the page's clock on. */
  readonly clock?: boolean;
  /** Whether the test itself makes the browser complain. */
  readonly mayComplain?: boolean;
}

/** What the tests of one file share. */
export interface Stage<S extends Shop> {
  readonly shop: S;
  readonly database: TestDatabase;
  readonly browser: Browser;
  /** Opens the dashboard at a route: `#/consumers`. */
  open(route?: string, options?: OpenOptions): Promise<Window>;
}

/**
 * Opens a database, an application and a browser for the tests of a file. After each test it closes the
 * windows, and fails if the browser has complained of anything.
 */
export function onStage<S extends Shop>(
  openShop: (database: TestDatabase) => Promise<S>,
  withinMs = 60_000,
): Stage<S> {
  let stage: { shop: S; database: TestDatabase; browser: Browser } | undefined;
  const closers: (() => Promise<unknown>)[] = [];
  const visits: (Visit & { readonly mayComplain: boolean })[] = [];

  beforeAll(async () => {
    const database = await createTestDatabase();
    closers.push(() => database.drop());
    const shop = await openShop(database);
    closers.push(() => shop.close());
    const browser = await startBrowser();
    closers.push(() => browser.close());
    stage = { shop, database, browser };
  }, withinMs);
  afterEach(async () => {
    const ended = visits.splice(0);
    await Promise.all(ended.map(({ context }) => context.close()));
    for (const { complaints, mayComplain } of ended) if (!mayComplain) expect(complaints).toEqual(NOTHING);
  });
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });

  const there = () => {
    if (stage === undefined) throw new Error('the stage opens before the first test');
    return stage;
  };
  return {
    get shop() {
      return there().shop;
    },
    get database() {
      return there().database;
    },
    get browser() {
      return there().browser;
    },
    open: async (
      route = '',
      { operator = OPERATOR, url, path = `/${PATH}/ui`, clock = false, mayComplain = false, ...options } = {},
    ) => {
      const { browser, shop } = there();
      const origin = url ?? shop.url;
      const visited = await visit(browser, origin, options);
      visits.push({ ...visited, mayComplain });
      const { context, complaints } = visited;
      await shop.sessions.signIn(context, origin, operator);
      const page = await context.newPage();
      // A busy machine takes its time; what never comes is found all the same.
      page.setDefaultTimeout(40_000);
      if (clock) await page.clock.install();
      await page.goto(`${origin}${path}${route}`);
      return { page, complaints };
    },
  };
}

const NOTHING: Complaints = { csp: [], uncaught: [], dialogs: [], foreign: [] };
