import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { HandOverStore } from './hand-over.store.js';
import { handOverText } from './registration-result.js';

const LOOK_FIRST_MS = 10;
const LOOK_MAX_MS = 200;

/** An owner that is well beats every two seconds, and at once where it hears of it. */
const LIMIT_MS = 6_000;

/** What a registration waits for once names are added: why, stands at the head of hand-over.store.ts. */
@Injectable()
export class HandOver {
  readonly store: HandOverStore;
  private readonly logger = new Logger('IntegrationConsumers');

  constructor(db: EngineDatabase) {
    this.store = new HandOverStore(db);
  }

  /** For so long an owner is waited for. */
  get limitMs(): number {
    return LIMIT_MS;
  }

  /**
   * Resolves once no owner of these consumers reads by fewer names than are stored, or the wait has been
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

  /** A database that does not answer now may do so until the deadline. */
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
