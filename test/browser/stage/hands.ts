import type { Locator, Page } from 'playwright-core';

/**
 * The hands of somebody who works on one thing. Each press counts: of the mouse, of Enter, Tab and Space, and of
 * a shortcut. Typing a text does not, but the press that leads into the field does. The seconds go from the
 * first press until the answer stands on the page.
 */
export class Hands {
  private readonly made: string[] = [];
  private beganAt: number | undefined;
  private endedAt: number | undefined;

  constructor(readonly page: Page) {}

  /** What was pressed so far. */
  get presses(): readonly string[] {
    return this.made;
  }

  get seconds(): number {
    if (this.beganAt === undefined || this.endedAt === undefined) throw new Error('nothing was answered');
    return (this.endedAt - this.beganAt) / 1_000;
  }

  /** Time begins, where nothing is pressed. */
  begin(): void {
    this.beganAt ??= performance.now();
  }

  async click(target: Locator): Promise<void> {
    this.note(`click ${target}`);
    await target.click();
  }

  async press(key: string): Promise<void> {
    this.note(key);
    await this.page.keyboard.press(key);
  }

  /** Two presses: one opens the list, one takes the entry. A browser draws the list itself, out of reach. */
  async choose(list: Locator, label: string): Promise<void> {
    this.note(`click ${list}`);
    this.note(`click ${label}`);
    await list.selectOption({ label });
  }

  /** Types into the field that has the focus. */
  async type(text: string): Promise<void> {
    const isField = await this.page.evaluate(
      () => document.activeElement?.matches('input, textarea') ?? false,
    );
    if (!isField) throw new Error(`no field has the focus, so nobody can type ${text}`);
    await this.page.keyboard.type(text);
  }

  /** Looks for what has the key of the search box, types it, and presses Enter. */
  async search(text: string): Promise<void> {
    await this.press('/');
    await this.type(text);
    await this.press('Enter');
  }

  /** The answer is what all of these say. The last call counts. */
  async read(...answers: readonly Locator[]): Promise<void> {
    for (const answer of answers) await answer.waitFor();
    this.endedAt = performance.now();
  }

  private note(press: string): void {
    this.begin();
    this.made.push(press);
  }
}
