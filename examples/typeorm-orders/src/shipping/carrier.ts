import { Injectable } from '@nestjs/common';

/** Stands for the service of a parcel carrier. Its first call fails. */
@Injectable()
export class Carrier {
  calls = 0;

  /** @param key the same for each try, so that a real carrier sends one parcel whatever happens */
  async book(_orderId: string, _key: string): Promise<void> {
    this.calls++;
    if (this.calls === 1) throw new Error('the carrier does not answer');
  }
}
