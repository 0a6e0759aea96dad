// Preloaded by --import: the process's `Date` is PROOF_DATE_SHIFT_MS off. Timers and monotonic clocks are right.
const shift = Number(process.env.PROOF_DATE_SHIFT_MS ?? 0);
const RightDate = Date;

class ShiftedDate extends RightDate {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(RightDate.now() + shift);
    else super(...(given as [number]));
  }

  static override now(): number {
    return RightDate.now() + shift;
  }
}

globalThis.Date = ShiftedDate as DateConstructor;

export {};
