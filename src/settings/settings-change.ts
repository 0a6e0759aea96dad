import type { ChangeAuthor } from '../audit/change-author.js';
import type { SettingHistoryEntry } from './settings.store.js';

/** A value that cannot be stored. */
export interface SettingProblem {
  /** The full key. */
  key: string;
  /** What the value must be: `must be a whole number from 1 to 100, not 0`. */
  reason: string;
}

/** What a change would put in force. */
export interface SettingEffect {
  /** The full key. It may be a setting that is not changed itself, and takes its value from one that is. */
  key: string;
  from: boolean | number | string;
  to: boolean | number | string;
  /** What it means, in one or two sentences. */
  effect: string;
}

/** New values by their keys, in full or without the prefix. Null removes a stored value. */
export type SettingValues = Readonly<Record<string, boolean | number | string | null>>;

export interface SettingsChangeOptions extends ChangeAuthor {
  /**
   * The values, by their keys, that were in force when the change was decided. If one of them has changed
   * since, nothing is stored.
   */
  expected?: Readonly<Record<string, boolean | number | string>> | undefined;
}

/** What a change would do. If there are problems, it cannot be made, and `effects` is empty. */
export interface SettingsPreview {
  problems: SettingProblem[];
  effects: SettingEffect[];
}

/** Says in a sentence who made a change. */
export function changeSentence({ key, from, to, at, by, reason }: SettingHistoryEntry): string {
  const [before, after] = [from, to].map((value) =>
    value === null ? 'no stored value' : JSON.stringify(value),
  );
  const why = reason === null ? '' : ` (${reason})`;
  return `${by ?? 'Somebody who is not known'} changed ${key} from ${before} to ${after} at ${at.toISOString()}${why}`;
}

export interface SettingHistoryRequest {
  /** Only changes of this setting. */
  key?: string | undefined;
  /** Number of entries: 50 by default, at most 1,000. */
  limit?: number | undefined;
  /** The `next` of the page before. */
  after?: number | undefined;
}

export interface SettingHistoryPage {
  /** The latest first. */
  entries: SettingHistoryEntry[];
  /** Give it as `after` for the next page. Null on the last page. */
  next: number | null;
}
