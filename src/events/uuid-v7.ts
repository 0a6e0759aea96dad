import { randomFillSync } from 'node:crypto';

const SEQUENCE_MAX = 0xfff;
/** A millisecond starts in the lower half of the sequence, so that it seldom overflows. */
const SEQUENCE_START_MAX = 0x7ff;
const POOL_BYTES = 4_096;
const TAIL_BYTES = 8;

/**
 * Version 7 uuids (RFC 9562) that ascend within this generator: new rows go to the right edge of their index.
 * 48 bits of Unix milliseconds, 12 bits of sequence, 62 random bits. When the sequence of a millisecond is used up, or
 * the clock steps back, the time part runs ahead of the clock instead of repeating.
 */
export class UuidV7Generator {
  private readonly pool = Buffer.alloc(POOL_BYTES);
  private poolOffset = POOL_BYTES;
  private milliseconds = 0;
  private sequence = SEQUENCE_MAX;

  /** @param now milliseconds since 1970. */
  constructor(private readonly now: () => number = Date.now) {}

  next(): string {
    this.tick();
    const tail = this.randomBytes();
    const variant = (((this.pool[tail] ?? 0) & 0x3f) | 0x80).toString(16);
    const time = this.milliseconds.toString(16).padStart(12, '0');
    const sequence = this.sequence.toString(16).padStart(3, '0');
    const random = this.pool.toString('hex', tail + 1, tail + TAIL_BYTES);
    return `${time.slice(0, 8)}-${time.slice(8)}-7${sequence}-${variant}${random.slice(0, 2)}-${random.slice(2)}`;
  }

  private tick(): void {
    const now = this.now();
    if (now > this.milliseconds) this.milliseconds = now;
    else if (this.sequence < SEQUENCE_MAX) {
      this.sequence += 1;
      return;
    } else this.milliseconds += 1;
    this.sequence = this.pool.readUInt16BE(this.randomBytes()) & SEQUENCE_START_MAX;
  }

  /** Offset of fresh random bytes in the pool: one call to the system for hundreds of uuids. */
  private randomBytes(): number {
    if (this.poolOffset + TAIL_BYTES > POOL_BYTES) {
      randomFillSync(this.pool);
      this.poolOffset = 0;
    }
    this.poolOffset += TAIL_BYTES;
    return this.poolOffset - TAIL_BYTES;
  }
}
