import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect } from '@jest/globals';
import type { AxeResults } from 'axe-core';
import type { Locator, Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export const THEMES = ['light', 'dark'] as const;
export const WIDTHS = [360, 1280] as const;
/** A phone, a tablet, half a screen and a wide one. */
export const SCREENS = [390, 768, 1280, 1440] as const;

/** Violations of the page in both themes and at both widths, each as a line. A page that is wider than its window is one too. */
export async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const found: string[] = [];
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    // The bar at the top would cover what was scrolled below it.
    await page.evaluate(() => scrollTo(0, 0));
    if (await isTooWide(page)) found.push(`${width} px: it has to be scrolled sideways`);
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const violation of (await axe(page)).violations) {
        const where = violation.nodes
          .slice(0, 3)
          .map(({ html, failureSummary }) => `${html} (${failureSummary})`);
        found.push(`${violation.id}, ${width} px, ${colorScheme}: ${where.join(' | ')}`);
      }
    }
  }
  return found;
}

/** The widths of the window at which the page is wider than it. */
export async function tooWideAt(page: Page, widths: readonly number[]): Promise<number[]> {
  const found: number[] = [];
  for (const width of widths) {
    await page.setViewportSize({ width, height: 900 });
    if (await isTooWide(page)) found.push(width);
  }
  return found;
}

/**
 * Looks at the page at each width, in light and dark. Nothing has to be scrolled sideways, and each of these
 * can be seen and reached by a pointer, within the window. `also` may look at more.
 */
export async function fitsEachScreen(
  page: Page,
  seen: readonly Locator[],
  also: (width: number) => Promise<void> = async () => {},
): Promise<void> {
  const usual = page.viewportSize();
  for (const width of SCREENS)
    for (const colorScheme of THEMES) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const outside: string[] = [];
      for (const each of seen) {
        await each.hover({ trial: true });
        if (!(await each.evaluate(isWithinWindow))) outside.push(String(each));
      }
      const tooWide = await isTooWide(page);
      expect({ width, colorScheme, tooWide, outside }).toEqual({
        ...{ width, colorScheme },
        ...{ tooWide: false, outside: [] },
      });
      await also(width);
    }
  if (usual !== null) await page.setViewportSize(usual);
}

/** It runs in the browser. */
function isWithinWindow(element: Element): boolean {
  const { left, right } = element.getBoundingClientRect();
  return left >= 0 && right <= window.innerWidth;
}

function axe(page: Page): Promise<AxeResults> {
  return page.evaluate(
    (rules) =>
      (Reflect.get(window, 'axe') as typeof import('axe-core')).run(document, {
        runOnly: rules,
        // What stands on a button is how somebody who speaks calls it.
        rules: { 'label-content-name-mismatch': { enabled: true } },
        resultTypes: ['violations'],
      }),
    RULES,
  );
}

/** Content that is cut off at 360 px cannot be reached without scrolling in two directions. Charts take a moment to fit. */
function isTooWide(page: Page): Promise<boolean> {
  return page
    .waitForFunction(() => document.documentElement.scrollWidth <= window.innerWidth, undefined, {
      timeout: 2_000,
    })
    .then(
      () => false,
      () => true,
    );
}
