import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core';

export type { Browser, BrowserContext };

/** Starts the browser that `npm run test:browser` has found. It fails where there is none. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM;
  if (executablePath === undefined)
    throw new Error('CHROMIUM is not set: run these tests with npm run test:browser');
  // The sandbox needs rights that a container seldom gives. The pages are our own.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/** What the browser complained of while a page was open. */
export interface Complaints {
  /** Violations of the Content-Security-Policy, as the page's own event tells of them. */
  readonly csp: string[];
  /** Errors that no code caught. */
  readonly uncaught: string[];
  /** Dialogs, and calls of `canaryDied`: only foreign code does that. */
  readonly dialogs: string[];
  /** Requests that left for another origin. */
  readonly foreign: string[];
}

export interface Visit {
  readonly context: BrowserContext;
  readonly complaints: Complaints;
}

/**
 * A window with cookies of its own. It notes whatever the browser complains of. Whatever a foreign script does
 * shows as a dialog, or as a call of `canaryDied`.
 */
export async function visit(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options });
  const complaints: Complaints = { csp: [], uncaught: [], dialogs: [], foreign: [] };
  await context.exposeFunction('noteViolation', (text: string) => complaints.csp.push(text));
  await context.exposeFunction('canaryDied', (text: string) => complaints.dialogs.push(text));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const note = Reflect.get(window, 'noteViolation') as (text: string) => void;
      note(`${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  context.on('console', (message) => {
    if (message.type() !== 'error') return;
    const text = message.text();
    if (/Content Security Policy|Trusted(?:HTML|Script|Type)/.test(text)) complaints.csp.push(text);
  });
  context.on('weberror', (error) => complaints.uncaught.push(String(error.error())));
  context.on('dialog', (dialog) => {
    complaints.dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  context.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !url.startsWith('data:')) complaints.foreign.push(url);
  });
  return { context, complaints };
}
