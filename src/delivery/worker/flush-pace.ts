import { Inject, Injectable } from '@nestjs/common';
import { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import type { SettingsView } from '../../settings/settings-view.js';

/** Told that its time has come, and how many cursors are saved at the same time, itself included. */
type Due = (together: number) => void;

interface Waiting {
  readonly due: Due;
  readonly since: number;
  readonly ms: number;
}

/**
 * How long outcomes wait to be saved. A save is a statement and a commit, however little it says. If many
 * cursors are at work at once, each of them would save every few milliseconds for a handful of outcomes, and
 * saving would be most of what the process does. So cursors are saved at the same time, by one statement
 * where that is possible. The saves of all cursors together take no more time than a single cursor could
 * spend on saving one after another. Holes make a save dear, and so they make it rarer.
 */
@Injectable()
export class FlushPace {
  /** The cursors that have outcomes to save. */
  private waiting: Waiting[] = [];

  constructor(
    @Inject(IntegrationSettingsService) private readonly settings: SettingsView<'flushIntervalMs'>,
  ) {}

  /**
   * A cursor has something to save, and its last save took this long. Returns after how many milliseconds its
   * time `comes`.
   */
  waits(lastSaveMs: number, due: Due): number {
    const { flushIntervalMs } = this.settings.snapshot();
    const ms = Math.max(flushIntervalMs, lastSaveMs * Math.max(2, this.waiting.length + 1));
    this.waiting.push({ due, since: performance.now(), ms });
    return ms;
  }

  /**
   * A cursor has waited for long, or has much to save. Every cursor that has waited for half of its own time
   * is saved along with it.
   */
  comes(due: Due): void {
    const now = performance.now();
    const isRipe = (one: Waiting) => one.due === due || (now - one.since) * 2 >= one.ms;
    const ripe = this.waiting.filter(isRipe);
    this.waiting = this.waiting.filter((one) => !isRipe(one));
    for (const one of ripe) one.due(ripe.length);
  }

  /** The cursor waits no more, and is not saved. */
  leaves(due: Due): void {
    this.waiting = this.waiting.filter((one) => one.due !== due);
  }
}
