import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IntegrationDeveloperApiService } from 'nestjs-integration';
import { monotonicMs } from '../harness/clock.js';
import type { WriterJournal } from '../harness/journal.js';
import { Random } from '../harness/random.js';
import type { PublisherSetup } from './protocol.js';
import { writeThing } from './writing.js';

const AFTER_FAILURE_MS = 100;
/** A schedule that is further behind than this lets the rest go. */
const CATCH_UP_MS = 500;

/** Writers at a steady pace: each transaction has its time on one schedule that all writers share. */
export class Load {
  private running = false;
  private committed = 0;
  private failures = 0;
  private planned = 0;
  private nextAt = 0;
  private writers: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly api: IntegrationDeveloperApiService,
    private readonly journal: WriterJournal,
    private readonly setup: PublisherSetup,
  ) {}

  async start(rate = Number.POSITIVE_INFINITY, events = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.running) throw new Error('it runs already');
    this.running = true;
    this.planned = 0;
    this.nextAt = monotonicMs();
    const { writers, seed } = this.setup;
    this.writers = Promise.all(
      Array.from({ length: writers }, (_, index) =>
        this.write(new Random(seed * 1_000 + index), rate, events),
      ),
    );
  }

  get finished(): Promise<{ committed: number; failures: number }> {
    return this.writers.then(() => {
      this.running = false;
      return { committed: this.committed, failures: this.failures };
    });
  }

  halt(): Promise<{ committed: number; failures: number }> {
    this.running = false;
    return this.finished;
  }

  private async write(random: Random, rate: number, events: number): Promise<void> {
    const { aggregates, eventNames, eventsPerTransaction, rollbacks } = this.setup;
    while (this.running && this.planned < events) {
      const count = Math.min(1 + random.int(eventsPerTransaction), events - this.planned);
      const rollBack = random.chance(rollbacks);
      if (!rollBack) this.planned += count;
      await this.turn(count, rate);
      const aggregate = `t${random.int(aggregates)}`;
      const batch = Array.from({ length: count }, () => ({
        id: randomUUID(),
        aggregate,
        eventName: random.pick(eventNames),
      }));
      try {
        await writeThing(this.api, this.journal, aggregate, batch, rollBack);
        if (!rollBack) this.committed += count;
      } catch {
        this.failures++;
        this.planned -= rollBack ? 0 : count;
        await sleep(AFTER_FAILURE_MS);
      }
    }
  }

  private async turn(count: number, rate: number): Promise<void> {
    const now = monotonicMs();
    const at = Math.max(this.nextAt, now - CATCH_UP_MS);
    this.nextAt = at + (count * 1e3) / rate;
    if (at > now) await sleep(at - now);
  }
}
