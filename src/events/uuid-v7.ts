import { randomUUID } from 'node:crypto';

const VERSION = 0x7000;
const SEQUENCE_MAX = 0xfff;
/** A millisecond starts in the lower half of the sequence, so that it seldom overflows. */
const SEQUENCE_START_MAX = 0x7ff;
/** Every byte in two digits: Node makes a hexadecimal text of a number by a call out of the machine code. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** Where variant and random tail begin in a uuid's text. */
const TAIL = 18;

/**
 * Version 7 uuids (RFC 9562) that ascend within this generator: new rows go to the right edge of their index.
 * 48 bits of Unix milliseconds, 12 bits of sequence, 62 random bits. When the sequence of a millisecond is
 * used up, or the clock steps back, the time part runs ahead of the clock instead of repeating.
 */
export class UuidV7Generator {
  private milliseconds = 0;
  private timeText = '';
  /** The upper 32 of the time's 48 bits, and their text: they stay the same for a minute. */
  private upper = -1;
  private upperText = '';
  private sequence = SEQUENCE_MAX;

  /** @param now milliseconds since 1970. */
  constructor(private readonly now: () => number = Date.now) {}

  next(): string {
    // A random uuid has its variant and 62 random bits where version 7 wants them, and Node makes them in
    // batches.
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

  /** In two parts: a number of more than 31 bits takes a microsecond to become a text. */
  private textOf(milliseconds: number): string {
    const upper = Math.floor(milliseconds / 0x1_0000);
    if (upper !== this.upper) {
      this.upper = upper;
      this.upperText = upper.toString(16).padStart(8, '0');
    }
    return `${this.upperText}-${hexOf(milliseconds % 0x1_0000)}`;
  }
}

/** Of 16 bits. */
function hexOf(number: number): string {
  return `${HEX[number >> 8]}${HEX[number & 0xff]}`;
}
