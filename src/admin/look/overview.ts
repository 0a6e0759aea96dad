import { Injectable } from '@nestjs/common';
import { ConsumerService } from '../../changes/consumer.service.js';
import type { ConsumersOverview } from '../../status/overview.store.js';

/** How all consumers together do. */
export interface Overview extends ConsumersOverview {
  /** When this look was taken. */
  readonly at: Date;
}

/** How long a look is good for, in milliseconds. */
export const LOOK_MS = 2_000;

/**
 * Looks at all consumers. Everybody who asks within two seconds shares one look, so that the number of
 * people who watch costs the database nothing.
 */
@Injectable()
export class OverviewLook {
  private taken: { readonly at: number; readonly look: Promise<Overview> } | undefined;

  constructor(private readonly consumers: ConsumerService) {}

  /** @param maxAgeMs how old the look may be in milliseconds */
  latest(maxAgeMs: number = LOOK_MS): Promise<Overview> {
    const now = performance.now();
    if (this.taken !== undefined && now - this.taken.at < maxAgeMs) return this.taken.look;
    const look = this.take();
    const taken = { at: now, look };
    this.taken = taken;
    // A look that failed is not shared with later callers.
    look.catch(() => {
      if (this.taken === taken) this.taken = undefined;
    });
    return look;
  }

  private async take(): Promise<Overview> {
    return { at: new Date(), ...(await this.consumers.overview()) };
  }
}
