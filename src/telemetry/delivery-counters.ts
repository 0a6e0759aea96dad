import { Injectable } from '@nestjs/common';

/** What delivery has counted in this process since it started. `OutboxProcessor.getStats()` shows it. */
@Injectable()
export class DeliveryCounters {
  private refused = 0;

  /**
   * Saves that were refused because another process had taken the consumer over. The fence let none of their
   * outcomes through.
   */
  get refusedSaves(): number {
    return this.refused;
  }

  saveRefused(): void {
    this.refused++;
  }
}
