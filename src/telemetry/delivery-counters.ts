import { Injectable } from '@nestjs/common';

/** What delivery counts in this process, from its start on. Shown by `OutboxProcessor.getStats()`. */
@Injectable()
export class DeliveryCounters {
  private refused = 0;

  /**
   * Saves that came after another process had taken the consumer over: the fence let nothing of them through.
   */
  get refusedSaves(): number {
    return this.refused;
  }

  saveRefused(): void {
    this.refused++;
  }
}
