import { Injectable } from '@nestjs/common';
import { ConsumerService } from '../../consumers/consumer.service.js';

/** How all consumers together do. */
export interface Overview {
  /** When this look was taken. */
  readonly at: Date;
  readonly consumers: number;
  readonly partitions: number;
  readonly paused: number;
  readonly unavailable: number;
  /** Partitions that are not paused and that no process works on. */
  readonly unowned: number;
  readonly orphaned: number;
  readonly unserved: number;
  readonly repartitioning: number;
  readonly pendingPositions: number;
  /** The largest lag of a consumer that is not paused. */
  readonly lagSeconds: number | null;
  readonly deadLetters: number;
  /** Positions of the log that were written in a second of the last minute. Null if nobody writes samples. */
  readonly publishedPerSecond: number | null;
  /** Positions that the consumers have settled in a second of it, all of them together. */
  readonly settledPerSecond: number | null;
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
    // A look that failed is not shared with whoever comes later.
    look.catch(() => {
      if (this.taken === taken) this.taken = undefined;
    });
    return look;
  }

  private async take(): Promise<Overview> {
    const { consumers: views, rates } = await this.consumers.listWithRates();
    const settled = Object.values(rates?.settledPerSecond ?? {}).filter((rate) => rate !== null);
    const count = (holds: (view: (typeof views)[number]) => boolean) => views.filter(holds).length;
    const lags = views.flatMap(({ paused, lagSeconds }) => (paused ? [] : (lagSeconds ?? [])));
    return {
      at: new Date(),
      consumers: new Set(views.map(({ consumerName }) => consumerName)).size,
      partitions: views.length,
      paused: count(({ paused }) => paused),
      unavailable: count(({ unavailable }) => unavailable !== null),
      unowned: count(({ owner, paused }) => owner === null && !paused),
      orphaned: count(({ orphaned }) => orphaned),
      unserved: count(({ unservedSince }) => unservedSince !== null),
      repartitioning: count(({ repartitioningTo }) => repartitioningTo !== null),
      pendingPositions: views.reduce((sum, { pendingPositions }) => sum + pendingPositions, 0),
      lagSeconds: lags.length === 0 ? null : lags.reduce((a, b) => Math.max(a, b)),
      deadLetters: views.reduce((sum, { deadLetters }) => sum + deadLetters, 0),
      publishedPerSecond: rates?.publishedPerSecond ?? null,
      settledPerSecond: settled.length === 0 ? null : settled.reduce((sum, rate) => sum + rate, 0),
    };
  }
}
