/** Numbers with a time each, kept without an object per entry; travels between processes as it is. */
export class TimeLog {
  private values = new Float64Array(4_096);
  private used = 0;

  add(n: number, timeMs: number): void {
    if (this.used + 2 > this.values.length) {
      const larger = new Float64Array(this.values.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.used++] = n;
    this.values[this.used++] = timeMs;
  }

  entries(): Float64Array {
    return this.values.slice(0, this.used);
  }
}

/** Milliseconds from each publish to the first handling of the same number; what was handled before it counts as 0. */
export function delays(published: Float64Array, handled: Float64Array): number[] {
  const firstHandled = new Map<number, number>();
  for (let i = 0; i + 1 < handled.length; i += 2) {
    const n = handled[i] as number;
    if (!firstHandled.has(n)) firstHandled.set(n, handled[i + 1] as number);
  }
  const result: number[] = [];
  for (let i = 0; i + 1 < published.length; i += 2) {
    const at = firstHandled.get(published[i] as number);
    if (at !== undefined) result.push(Math.max(0, at - (published[i + 1] as number)));
  }
  return result;
}
