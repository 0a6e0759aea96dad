/**
 * A state as a few 32-bit words: fields are put and taken in one fixed order, each with a stated width.
 * A field never crosses a word, so `put` and `take` stay a shift and a mask.
 */
export class Bits {
  readonly words: Uint32Array;
  private word = 0;
  private shift = 0;

  constructor(size: number) {
    this.words = new Uint32Array(size);
  }

  /** Back to the first field; `put` starts on cleared words. */
  rewind(clear: boolean): this {
    this.word = 0;
    this.shift = 0;
    if (clear) this.words.fill(0);
    return this;
  }

  put(width: number, value: number): void {
    if (value < 0 || value >>> width !== 0) throw new RangeError(`${value} does not fit ${width} bits`);
    this.place(width);
    this.words[this.word] = (this.words[this.word] ?? 0) | (value << this.shift);
    this.shift += width;
  }

  take(width: number): number {
    this.place(width);
    const value = ((this.words[this.word] ?? 0) >>> this.shift) & ((1 << width) - 1);
    this.shift += width;
    return value;
  }

  private place(width: number): void {
    if (this.shift + width <= 32) return;
    this.word += 1;
    this.shift = 0;
    if (this.word >= this.words.length) throw new RangeError('the state has more fields than words');
  }
}
