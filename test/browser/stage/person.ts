import type { Locator, Page } from 'playwright-core';

/** Tab is pressed no more often than this to reach something. */
const MOST_TABS = 150;

/** Somebody at the mouse. Each click counts; typing, and Enter behind it, does not. */
export class Person {
  private readonly made: string[] = [];

  constructor(readonly page: Page) {}

  /** What was clicked so far. */
  get clicks(): readonly string[] {
    return this.made;
  }

  async click(target: Locator): Promise<void> {
    this.made.push(target.toString());
    await target.click();
  }

  async type(target: Locator, text: string): Promise<void> {
    await target.fill(text);
  }
}

/** Somebody who has no mouse. */
export class KeyboardPerson {
  constructor(readonly page: Page) {}

  /** Presses Tab until the target has the focus. Fails where the keyboard does not reach it. */
  async reach(target: Locator): Promise<void> {
    await target.waitFor();
    for (let tabs = 0; tabs < MOST_TABS; tabs++) {
      if (await hasFocus(target)) return this.checkVisible(target);
      await this.page.keyboard.press('Tab');
    }
    throw new Error(`the keyboard does not reach ${target}`);
  }

  async press(target: Locator, key = 'Enter'): Promise<void> {
    await this.reach(target);
    await this.page.keyboard.press(key);
  }

  async type(target: Locator, text: string): Promise<void> {
    await this.reach(target);
    await this.page.keyboard.press('ControlOrMeta+a');
    await this.page.keyboard.type(text);
  }

  /** What has the focus shows it, and is not covered by something else. */
  private async checkVisible(target: Locator): Promise<void> {
    const seen = await target.evaluate((element) => {
      if (element !== document.activeElement) return 'lost';
      element.scrollIntoView({ block: 'nearest' });
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      const hasOutline = outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0;
      return hasOutline || boxShadow !== 'none' ? 'shown' : 'hidden';
    });
    if (seen === 'lost') throw new Error(`${target} had the focus, and the page has taken it away`);
    if (seen === 'hidden') throw new Error(`${target} has the focus and does not show it`);
  }
}

export function hasFocus(target: Locator): Promise<boolean> {
  return target.evaluate((element) => element === document.activeElement);
}
