import { Inject, Injectable } from '@nestjs/common';
import { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import type { SettingsView } from '../../settings/settings-view.js';

/**
 * Called when the cursor should save. `together` is how many cursors are saved at the same time, including
 * this one.
 */
type Due = (together: number) => void;

interface Waiting {
  readonly due: Due;
  readonly since: number;
  readonly ms: number;
}

/**
 * Decides how long outcomes wait to be saved. A save is a statement and a commit, however few outcomes it
 * has. If many cursors are at work at once, each of them would save every few milliseconds for a few
 * outcomes, and saving would take most of the process's time. So cursors are saved at the same time, by one
 * statement if that is possible. The saves of all cursors together take no more time than a single cursor
 * could spend on saving one after another. Many holes make a save expensive, and it then happens less often.
 */
@Injectable()
export class FlushPace {
  /** The cursors that have outcomes to save. */
  private waiting: Waiting[] = [];

  constructor(
    @Inject(IntegrationSettingsService) private readonly settings: SettingsView<'flushIntervalMs'>,
  ) {}

  /**
   * Called when a cursor has something to save and its last save took this long. Returns the number of
   * milliseconds after which to call `comes`.
   */
  waits(lastSaveMs: number, due: Due): number {
    const { flushIntervalMs } = this.settings.snapshot();
    const ms = Math.max(flushIntervalMs, lastSaveMs * Math.max(2, this.waiting.length + 1));
    this.waiting.push({ due, since: performance.now(), ms });
    return ms;
  }

  /**
   * Called when a cursor has waited long enough, or has much to save. Every cursor that has waited for half
   * of its own time is saved together with it.
   */
  comes(due: Due): void {
    const now = performance.now();
    const isRipe = (one: Waiting) => one.due === due || (now - one.since) * 2 >= one.ms;
    const ripe = this.waiting.filter(isRipe);
    this.waiting = this.waiting.filter((one) => !isRipe(one));
    for (const one of ripe) one.due(ripe.length);
  }

  /** Called when the cursor does not wait any more and must not be saved. */
  leaves(due: Due): void {
    this.waiting = this.waiting.filter((one) => one.due !== due);
  }
}
