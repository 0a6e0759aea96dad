import type { ProofDatabase } from '../harness/proof-server.js';
import { DEAD, JOURNALS, LOG_OF_WALKS, WAITING, WALKS } from './evidence.store.js';
import { type LogEvent, mustBeLate, replayed } from './replay.js';
import { TOLD, UNDO, type WalkPayload } from './walks.js';

export interface WalksVerdict {
  /** Walks that have not ended. */
  readonly stuck: number;
  /** Walks with a step that their handlers did twice, or not at all. */
  readonly wrongJournals: readonly string[];
  /** Walks whose state or history is not what their handlers did. */
  readonly wrongHistories: readonly string[];
  /** Walks that have published something twice, in part, in another order, or without having decided it. */
  readonly wrongEvents: readonly string[];
  readonly waiting: number;
  readonly dead: number;
  readonly deadBecause: string | null;
  /** Racing walks, by who came first. */
  readonly races: { readonly paid: number; readonly late: number };
}

interface WalkRow {
  readonly key: string;
  readonly status: string;
  readonly state: readonly string[];
  readonly steps: number;
  readonly numbers: readonly number[];
  readonly steps_done: readonly string[];
}

const NAMES: Readonly<Record<string, string>> = {
  begun: 'walk.begun',
  paid: 'walk.paid',
  done: 'walk.done',
  late: 'timeout:payment',
};

/** Compares what the handlers wrote, what the sagas say, and what was published, with a replay of the log. */
export async function judgeWalks(
  database: ProofDatabase,
  walks: readonly WalkPayload[],
): Promise<WalksVerdict> {
  const log = groupedByKey(await database.query<LogEvent>(LOG_OF_WALKS));
  const journals = groupedByKey(await database.query<{ key: string; done: string[] }>(JOURNALS));
  const rows = groupedByKey(await database.query<WalkRow>(WALKS));
  const [{ waiting = 0 } = {}] = await database.query<{ waiting: number }>(WAITING);
  const [{ dead = 0, error = null } = {}] = await database.query<{ dead: number; error: string | null }>(
    DEAD,
  );
  const found = walks.map(({ key, kind }) => {
    const journal = journals.get(key)?.[0]?.done ?? [];
    const isLate = mustBeLate(kind) ?? journal.includes('late');
    const events = log.get(key) ?? [];
    return { key, kind, isLate, journal, events, row: rows.get(key)?.[0], right: replayed(events, isLate) };
  });
  const wrong = (is: (walk: (typeof found)[number]) => boolean) =>
    found.filter((walk) => !is(walk)).map(({ key }) => key);
  const racing = found.filter(({ kind }) => kind === 'racing');
  return {
    stuck: found.filter(({ row }) => row === undefined || row.status === 'active').length,
    wrongJournals: wrong(({ journal, right }) => isSame(journal, right?.journal)),
    wrongHistories: wrong(
      ({ row, right }) =>
        row !== undefined &&
        row.status === right?.status &&
        isSame(row.state, right.journal) &&
        isSame(
          row.steps_done,
          right.journal.map((what) => NAMES[what]),
        ) &&
        // Its entries are numbered without a hole, and the saga knows how many there are.
        isSame(
          row.numbers,
          Array.from({ length: row.steps }, (_, i) => i + 1),
        ),
    ),
    wrongEvents: wrong(
      ({ events, right }) =>
        isSame(namesOf(events, UNDO), right?.undone) && isSame(namesOf(events, [TOLD]), [TOLD]),
    ),
    waiting,
    dead,
    deadBecause: error,
    races: {
      paid: racing.filter(({ isLate }) => !isLate).length,
      late: racing.filter(({ isLate }) => isLate).length,
    },
  };
}

function namesOf(events: readonly LogEvent[], wanted: readonly string[]): string[] {
  return events.map(({ name }) => name).filter((name) => wanted.includes(name));
}

function groupedByKey<Row extends { readonly key: string }>(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.key);
    if (group === undefined) groups.set(row.key, [row]);
    else group.push(row);
  }
  return groups;
}

function isSame(found: readonly unknown[] | undefined, right: readonly unknown[] | undefined): boolean {
  return right !== undefined && JSON.stringify(found) === JSON.stringify(right);
}
