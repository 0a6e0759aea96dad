import type { Logger } from '@nestjs/common';
import type { ReplayStore } from '../../consumers/replay.store.js';
import { messageOf } from '../../errors.js';
import type { InboxCursorStore } from '../../inbox/inbox-cursor.store.js';
import type { InboxEventStore } from '../../inbox/inbox-event.store.js';
import type { SettlementGroupCommit } from '../../inbox/settlement-group-commit.js';
import type { OutboxLogStore } from '../../log/outbox-log.store.js';
import type { SharedScan } from '../../log/sharing/shared-scan.js';
import type { HeldLease } from '../../membership/held-lease.js';
import type { UnavailableConsumers } from '../../membership/unavailable-consumers.js';
import type { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import type { Consumer } from '../../subscribers/consumer.js';
import type { DeliveryCounters } from '../../telemetry/delivery-counters.js';
import type { ConcurrencyLimiter } from '../execution/concurrency-limiter.js';
import type { FaultPoints } from '../execution/fault-points.js';
import type { HandlerRunner } from '../execution/handler-runner.js';
import type { Backoff } from '../partition/backoff.js';
import type { EnteredEvents } from '../partition/entered-events.js';
import type { OutcomeStream } from '../partition/outcome-stream.js';
import type { RetryPolicy } from '../partition/retry-policy.js';
import type { FlushPace } from './flush-pace.js';

/** What every worker of a process shares. */
export interface WorkerEnvironment {
  readonly log: OutboxLogStore;
  readonly scan: SharedScan;
  readonly cursors: InboxCursorStore;
  readonly settlements: SettlementGroupCommit;
  readonly inbox: InboxEventStore;
  readonly replays: ReplayStore;
  readonly runner: HandlerRunner;
  readonly slots: ConcurrencyLimiter;
  readonly settings: IntegrationSettingsService;
  readonly outcomes: OutcomeStream;
  readonly counters: DeliveryCounters;
  readonly faults: FaultPoints;
  readonly flushPace: FlushPace;
  readonly unavailable: UnavailableConsumers;
  readonly entered: EnteredEvents;
  readonly retries: RetryPolicy;
}

/** Who is told what becomes of the loops. */
interface WorkerOwner {
  abandoned(reason: string): void;
  /** A loop has done what was asked of it, and waits: the worker may be at rest. */
  stepDone(): void;
}

/** What the loops of one worker share: whose work it is, its timers, and how it ends. */
export class WorkerContext {
  private readonly planned = new Map<NodeJS.Timeout, (() => void) | undefined>();
  private ended = false;

  constructor(
    readonly env: WorkerEnvironment,
    readonly consumer: Consumer,
    readonly lease: HeldLease,
    readonly logger: Logger,
    private readonly owner: WorkerOwner,
  ) {}

  /** Nothing is begun any more. */
  get isClosed(): boolean {
    return this.ended;
  }

  close(): void {
    this.ended = true;
    for (const [timer, cancelled] of this.planned) {
      clearTimeout(timer);
      cancelled?.();
    }
    this.planned.clear();
  }

  /** The worker cannot go on: its lease is somebody else's, or its memory is at odds with the database. */
  abandon(reason: string): void {
    if (this.ended) return;
    this.logger.warn(`Given up here: ${reason}`);
    this.owner.abandoned(reason);
  }

  leaseLost(): void {
    this.abandon('the lease was lost, another process has taken over; unsaved outcomes are dropped');
  }

  stepDone(): void {
    this.owner.stepDone();
  }

  /** Runs `run` after `ms`, unless the worker has ended by then; `cancelled` is called if it ends before. */
  after(ms: number, run: () => void, cancelled?: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.planned.delete(timer);
      if (!this.ended) run();
    }, ms);
    this.planned.set(timer, cancelled);
    return timer;
  }

  cancel(timer: NodeJS.Timeout): void {
    clearTimeout(timer);
    this.planned.delete(timer);
  }

  /** Resolves after `ms`, or when the worker ends. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.ended) resolve();
      else this.after(ms, resolve, resolve);
    });
  }

  async waitAfterFailure(what: string, error: unknown, backoff: Backoff): Promise<void> {
    if (this.ended) return;
    const ms = backoff.failed();
    this.logger.warn(`${what} failed and is tried again in ${Math.round(ms)} ms: ${messageOf(error)}`);
    await this.wait(ms);
  }

  /** For work beside the loops, whose failure is told and forgotten: it comes round again. */
  guarded(what: string, work: () => Promise<void>): void {
    work().catch((error) => {
      if (!this.ended) this.logger.warn(`${what} failed: ${messageOf(error)}`);
    });
  }
}
