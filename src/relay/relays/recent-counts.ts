import { LATENCY_BOUNDS_S } from '../../rates/work-counts.js';
import { bucketOf } from '../../telemetry/buckets.js';

const SLOT_MS = 10_000;
const SLOTS = 30;
/** For how long figures are kept, in seconds. */
export const KEPT_SECONDS = (SLOT_MS * SLOTS) / 1_000;

/** What happened in the last five minutes. */
export interface RecentFigures<Name extends string> {
  /** For how many seconds this process has counted, at most five minutes. */
  readonly seconds: number;
  readonly counts: Readonly<Record<Name, number>>;
  /** How many durations were in each class of `LATENCY_BOUNDS_S`, and in the one above them. */
  readonly latency: readonly number[];
}

interface Slot {
  readonly number: number;
  readonly counts: Map<string, number>;
  readonly latency: number[];
}

/** Counts in slots of ten seconds, and forgets a slot after five minutes. */
export class RecentCounts<Name extends string> {
  private readonly beganAt: number;
  private slots: Slot[] = [];

  constructor(
    private readonly names: readonly Name[],
    private readonly now: () => number = () => performance.now(),
  ) {
    this.beganAt = now();
  }

  add(name: Name, times: number): void {
    if (times === 0) return;
    const { counts } = this.slot();
    counts.set(name, (counts.get(name) ?? 0) + times);
  }

  /** Something has taken so long. */
  took(ms: number): void {
    const { latency } = this.slot();
    const bucket = bucketOf(LATENCY_BOUNDS_S, ms / 1_000);
    latency[bucket] = (latency[bucket] ?? 0) + 1;
  }

  figures(): RecentFigures<Name> {
    const now = this.now();
    const oldest = Math.floor(now / SLOT_MS) - SLOTS + 1;
    this.slots = this.slots.filter(({ number }) => number >= oldest);
    const sum = (of: (slot: Slot) => number) => this.slots.reduce((total, slot) => total + of(slot), 0);
    const counts = Object.fromEntries(
      this.names.map((name) => [name, sum((slot) => slot.counts.get(name) ?? 0)]),
    ) as Record<Name, number>;
    const latency = emptyClasses().map((_, index) => sum((slot) => slot.latency[index] ?? 0));
    return { seconds: (now - Math.max(this.beganAt, oldest * SLOT_MS)) / 1_000, counts, latency };
  }

  private slot(): Slot {
    const number = Math.floor(this.now() / SLOT_MS);
    const last = this.slots.at(-1);
    if (last?.number === number) return last;
    const slot: Slot = { number, counts: new Map(), latency: emptyClasses() };
    this.slots.push(slot);
    if (this.slots.length > SLOTS) this.slots.shift();
    return slot;
  }
}

function emptyClasses(): number[] {
  return new Array<number>(LATENCY_BOUNDS_S.length + 1).fill(0);
}
