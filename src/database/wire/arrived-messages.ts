import { takesPlainWay } from './plain-way.js';
import { wireOf } from './wire.js';

const HEADER_BYTES = 5;

/**
 * Tells whether the driver has received whole messages only. Rows can be taken out of the data only from the
 * beginning of a message.
 */
export class ArrivedMessages {
  private readonly header = Buffer.alloc(HEADER_BYTES);
  private has = 0;
  /** If the client does not show what arrives, the messages are never known to be whole. */
  private isShown = true;
  private missing = 0;

  /** Watches the data that arrives for a client on which no statement is running at the moment. */
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
