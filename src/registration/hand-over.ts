import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type Logger } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { loggerOf } from '../words/engine-logger.js';
import { HandOverStore } from './hand-over.store.js';
import { handOverText } from './registration-result.js';

const LOOK_FIRST_MS = 10;
const LOOK_MAX_MS = 200;

/** The injection token of the time to wait for an owner, in milliseconds. */
export const HAND_OVER_LIMIT_MS = Symbol('nestjs-integration:hand-over-limit');
/** A healthy owner beats every two seconds, and at once when it is notified. */
export const DEFAULT_HAND_OVER_LIMIT_MS = 6_000;

/**
 * The wait of a registration after names were added. The head of hand-over.store.ts explains why it waits.
 */
@Injectable()
export class HandOver {
  readonly store: HandOverStore;
  private readonly logger: Logger;

  constructor(
    db: EngineDatabase,
    @Inject(HAND_OVER_LIMIT_MS) private readonly limitMs: number = DEFAULT_HAND_OVER_LIMIT_MS,
  ) {
    this.logger = loggerOf('IntegrationConsumers', db);
    this.store = new HandOverStore(db);
  }

  /**
   * Resolves when no owner of these consumers reads with fewer names than are stored, or when the wait was
   * stopped.
   */
  async waitForReaders(consumerNames: readonly string[], stopped?: AbortSignal): Promise<void> {
    const deadline = performance.now() + this.limitMs;
    for (let lookMs = LOOK_FIRST_MS; await this.isStillRead(consumerNames, deadline); ) {
      if (performance.now() >= deadline) return this.takeFromReaders(consumerNames);
      await sleep(lookMs, undefined, stopped && { signal: stopped }).catch(() => {});
      if (stopped?.aborted) return;
      lookMs = Math.min(lookMs * 2, LOOK_MAX_MS);
    }
  }

  /**
   * Errors do not end the wait before the deadline, because a database that does not answer now may answer
   * later.
   */
  private async isStillRead(consumerNames: readonly string[], deadline: number): Promise<boolean> {
    try {
      return await this.store.isStillRead(consumerNames);
    } catch (error) {
      if (performance.now() >= deadline) throw error;
      return true;
    }
  }

  private async takeFromReaders(consumerNames: readonly string[]): Promise<void> {
    for (const owner of await this.store.takeFromReaders(consumerNames))
      this.logger.warn(handOverText(owner, this.limitMs));
  }
}
