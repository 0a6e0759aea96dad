import { isConnectionLoss, sqlStateOf } from '../database/connection/connection-loss.js';
import { IntegrationError } from '../errors.js';
import type { Saved, ToSave } from './lane-saver.js';
import type { LaneItem } from './lane-work.js';

/**
 * SQLSTATEs that the data of one item may have caused: data exceptions, broken constraints, limits of the
 * server, and what functions of the database raise.
 */
const OF_DATA = /^(22|23|54|P0)/;
const OF_DATABASE = /^INTEGRATION_(DATABASE_|CLOSED)/;

/** What became of a portion. */
export interface DividedSave<Item extends LaneItem, Each extends ToSave<Item>> {
  readonly saved: readonly Saved<Item>[];
  /** What cannot be saved, each with the error that says why. */
  readonly refused: readonly { readonly each: Each; readonly error: unknown }[];
  /** What was not tried, because the database failed. `error` says how. */
  readonly left: readonly Each[];
  readonly error?: unknown;
}

/**
 * Saves a portion. Where the data of something in it makes that impossible, the portion is divided in two
 * again and again, until what cannot be saved is alone. So it holds up nothing else. One such item among
 * 1,000 takes about 20 saves. A failure of the database divides nothing.
 */
export async function saveDivided<Item extends LaneItem, Each extends ToSave<Item>>(
  portion: readonly Each[],
  save: (part: readonly Each[]) => Promise<Saved<Item>>,
): Promise<DividedSave<Item, Each>> {
  const saved: Saved<Item>[] = [];
  const refused: { each: Each; error: unknown }[] = [];
  // The next part is the last one, so what ended first is saved first.
  const parts: (readonly Each[])[] = [portion];
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    try {
      saved.push(await save(part));
    } catch (error) {
      const [each, ...others] = part;
      if (!isOfData(error)) return { saved, refused, left: [part, ...parts.reverse()].flat(), error };
      if (each !== undefined && others.length === 0) refused.push({ each, error });
      else {
        const half = Math.ceil(part.length / 2);
        parts.push(part.slice(half), part.slice(0, half));
      }
    }
  }
  return { saved, refused, left: [] };
}

/** Whether an error may come from what is saved, and not from the database. */
function isOfData(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return OF_DATA.test(state);
  if (error instanceof IntegrationError && OF_DATABASE.test(error.code)) return false;
  return !isConnectionLoss(error);
}
