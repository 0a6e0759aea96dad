import { randomUUID } from 'node:crypto';

const VERSION = 0x7000;
const SEQUENCE_MAX = 0xfff;
/** The sequence of a millisecond starts in its lower half, so that it seldom overflows. */
const SEQUENCE_START_MAX = 0x7ff;
/** Every byte as two digits. The table is faster than Node's own conversion, which leaves compiled code. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** The index in a uuid's text at which the variant and the random part begin. */
const TAIL = 18;

/**
 * Makes uuids of version 7 (RFC 9562) that ascend within this generator, so that new rows go to the right
 * edge of their index. A uuid has 48 bits of Unix milliseconds, 12 bits of sequence and 62 random bits. When
 * the sequence of a millisecond is used up, or when the clock steps back, the time part runs ahead of the
 * clock and no uuid repeats.
 */
export class UuidV7Generator {
  private milliseconds = 0;
  private timeText = '';
  /** The upper 32 of the 48 bits of the time, and their text. They stay the same for a minute. */
  private upper = -1;
  private upperText = '';
  private sequence = SEQUENCE_MAX;

  /** @param now milliseconds since 1970 */
  constructor(private readonly now: () => number = Date.now) {}

  next(): string {
    // A random uuid has its variant and its 62 random bits where version 7 needs them, and Node makes random
    // uuids in batches.
    const random = randomUUID();
    this.tick(random);
    return `${this.timeText}-${hexOf(VERSION + this.sequence)}${random.slice(TAIL)}`;
  }

  private tick(random: string): void {
    const now = this.now();
    if (now <= this.milliseconds && this.sequence < SEQUENCE_MAX) {
      this.sequence += 1;
      return;
    }
    this.milliseconds = Math.max(now, this.milliseconds + 1);
    this.sequence = Number.parseInt(random.slice(0, 3), 16) & SEQUENCE_START_MAX;
    this.timeText = this.textOf(this.milliseconds);
  }

  /** The text is made in two parts, because V8 converts a number of more than 31 bits slowly. */
  private textOf(milliseconds: number): string {
    const upper = Math.floor(milliseconds / 0x1_0000);
    if (upper !== this.upper) {
      this.upper = upper;
      this.upperText = upper.toString(16).padStart(8, '0');
    }
    return `${this.upperText}-${hexOf(milliseconds % 0x1_0000)}`;
  }
}

/** The text of a number of 16 bits. */
function hexOf(number: number): string {
  return `${HEX[number >> 8]}${HEX[number & 0xff]}`;
}
