import { Injectable } from '@nestjs/common';
import { ConsumerService } from '../../changes/consumer.service.js';
import type { ConsumersOverview } from '../../status/overview.store.js';
import { SharedLooks } from './shared-looks.js';

/** How all consumers together do. */
export interface Overview extends ConsumersOverview {
  /** When this look was taken. */
  readonly at: Date;
}

/** Looks at all consumers. */
@Injectable()
export class OverviewLook {
  private readonly looks = new SharedLooks<Overview>();

  constructor(private readonly consumers: ConsumerService) {}

  /** @param maxAgeMs how old the look may be in milliseconds: at most `LOOK_MS`, the default */
  latest(maxAgeMs?: number): Promise<Overview> {
    return this.looks.latest('', () => this.take(), maxAgeMs);
  }

  private async take(): Promise<Overview> {
    return { at: new Date(), ...(await this.consumers.overview()) };
  }
}
