import { takesPlainWay } from './plain-way.js';
import { wireOf } from './wire.js';

const HEADER_BYTES = 5;

/**
 * Whether the driver has got whole messages only: rows can be taken out of what arrives from a message's
 * beginning on, and from nowhere else.
 */
export class ArrivedMessages {
  private readonly header = Buffer.alloc(HEADER_BYTES);
  private has = 0;
  /** Where nothing shows what arrives, it is never known to be whole. */
  private isShown = true;
  private missing = 0;

  /** Watches what arrives for a client that is asked nothing at the moment. */
  static watch(client: object): ArrivedMessages {
    const arrived = new ArrivedMessages();
    if (takesPlainWay(client)) {
      arrived.isShown = false;
      return arrived;
    }
    wireOf(client).stream.prependListener('data', (chunk) => arrived.see(chunk));
    return arrived;
  }

  get areWhole(): boolean {
    return this.isShown && this.has === 0 && this.missing === 0;
  }

  private see(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.missing > 0) {
        const taken = Math.min(this.missing, chunk.length - at);
        this.missing -= taken;
        at += taken;
        continue;
      }
      this.header[this.has++] = chunk[at++] as number;
      if (this.has < HEADER_BYTES) continue;
      this.missing = this.header.readUInt32BE(1) - 4;
      this.has = 0;
    }
  }
}
