import { Injectable, Logger } from '@nestjs/common';
import { messageOf } from '../errors.js';
import type { CursorSnapshot } from '../membership/integration-process.store.js';
import { RepartitionSteps } from './repartition-steps.js';
import { ReplayRequestStore, type WindowResult } from './replay-request.store.js';

/** Between two windows of a replay while enough rows are due. */
const WAIT_MS = 200;

/**
 * What admins have asked of consumers and what takes its time: filtered replays and changed numbers of
 * partitions. Done by the processes that work on the consumer, when a beat shows that there is something to
 * do. Every step is one transaction that finds out itself what is next, so it does not matter who takes it,
 * or how often.
 */
@Injectable()
export class AdminTasks {
  private readonly logger = new Logger('AdminTasks');
  private readonly running = new Map<string, Promise<void>>();
  private stopped = false;

  constructor(
    private readonly requests: ReplayRequestStore,
    private readonly partitions: RepartitionSteps,
  ) {}

  /**
   * Looks after what a beat saw; `holds` tells whether this process works on a consumer. `sent`: rows of it
   * are due now.
   */
  beginDue(
    cursors: readonly CursorSnapshot[],
    holds: (consumerName: string) => boolean,
    sent: (consumerName: string) => void,
  ): void {
    this.stopped = false;
    for (const { consumerName, repartitioning, replaying } of cursors) {
      if (repartitioning) this.begin(`repartition ${consumerName}`, () => this.repartition(consumerName));
      else if (replaying && holds(consumerName)) {
        this.begin(`replay ${consumerName}`, () => this.replay(consumerName, holds, sent));
      }
    }
  }

  /** One window for each of these consumers that has an open request; whether any is left to be sent. */
  async sendWindows(consumerNames: readonly string[]): Promise<boolean> {
    const results: WindowResult[] = [];
    for (const name of await this.requests.openRequests(consumerNames)) {
      results.push(await this.requests.sendWindow(name));
    }
    return results.some(({ state }) => state !== 'none');
  }

  /** Begins nothing more; resolves when what is under way has come to its end. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.allSettled(this.running.values());
  }

  private begin(name: string, work: () => Promise<void>): void {
    if (this.running.has(name)) return;
    const done = work()
      .catch((error) => {
        if (!this.stopped)
          this.logger.warn(`"${name}" is tried again with the next beat: ${messageOf(error)}`);
      })
      .finally(() => this.running.delete(name));
    this.running.set(name, done);
  }

  private async repartition(consumerName: string): Promise<void> {
    let { state, changedTo } = await this.partitions.advance(consumerName);
    while (state === 'moving' && !this.stopped)
      ({ state, changedTo } = await this.partitions.advance(consumerName));
    if (changedTo !== undefined)
      this.logger.log(`Number of partitions of consumer "${consumerName}": ${changedTo}`);
  }

  private async replay(
    consumerName: string,
    holds: (consumerName: string) => boolean,
    sent: (consumerName: string) => void,
  ): Promise<void> {
    while (!this.stopped && holds(consumerName)) {
      const window = await this.requests.sendWindow(consumerName);
      if (window.state === 'none') return;
      if (window.state === 'sent' && window.sent > 0) sent(consumerName);
      if (window.state === 'waiting') await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    }
  }
}
