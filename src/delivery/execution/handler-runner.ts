import { Inject, Injectable } from '@nestjs/common';
import { runHandler } from '../../context/integration-context.js';
import type { IntegrationError } from '../../errors.js';
import { EventGate } from '../../events/event-gate.js';
import { InboxService } from '../../inbox/inbox.service.js';
import { IntegrationLinkService } from '../../links/integration-link.service.js';
import type { HeldLease } from '../../membership/beat/held-lease.js';
import { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import type { SettingsView } from '../../settings/settings-view.js';
import { EngineTelemetry } from '../../telemetry/engine-telemetry.js';
import { Attempt, type OutcomeHandler } from '../partition/attempt.js';
import { CRASHED, type Delivery, type EndOfAttempt, type Outcome } from '../partition/delivery.js';
import { Watchdog } from '../watchdog/watchdog.js';
import { FailedAttempts } from './failed-attempts.js';
import { type FaultPointName, FaultPoints } from './fault-points.js';
import { contextOf } from './handler-context.js';
import { inputOf } from './handler-input.js';
import { LineKeeping } from './line-keeping.js';
import { TransactionalRunner } from './transactional-runner.js';

/**
 * Runs handlers. One run is one attempt of one delivery, and it ends with an outcome. A run never rejects.
 */
@Injectable()
export class HandlerRunner {
  constructor(
    private readonly transactional: TransactionalRunner,
    readonly inboxService: InboxService,
    readonly linkService: IntegrationLinkService,
    @Inject(IntegrationSettingsService) private readonly settings: SettingsView<'handlerTimeoutMs'>,
    private readonly failures: FailedAttempts,
    private readonly watchdog: Watchdog,
    private readonly faults: FaultPoints,
    private readonly telemetry: EngineTelemetry,
    private readonly gate: EventGate,
    readonly lines: LineKeeping,
  ) {}

  get engine(): string {
    return this.transactional.engine;
  }

  /** Makes an attempt. `others` are the other events of a batch. */
  begin(delivery: Delivery, others?: readonly Delivery[]): Attempt {
    const timeoutMs = delivery.subscription.timeoutMs ?? this.settings.snapshot().handlerTimeoutMs;
    return new Attempt(delivery, timeoutMs, others !== undefined, this.endAtDeadline, others);
  }

  /**
   * Runs one attempt and reports its outcome exactly once. The outcome comes from the handler, from its
   * transaction, or from its deadline, whichever is first. It is reported by a callback, because this path
   * runs for every event, and a promise or a closure for each event would cost time.
   */
  run(
    attempt: Attempt,
    lease: HeldLease,
    onOutcome: OutcomeHandler,
    onCommitting?: (attempt: Attempt) => void,
  ): void {
    attempt.begin(onOutcome, onCommitting);
    const { subscription, position } = attempt.delivery;
    attempt.watched = this.watchdog.enter(subscription, position);
    if (this.telemetry.isOn) attempt.observer = this.telemetry.begin(attempt, lease.key.partition);
    if (subscription.transactional)
      attempt
        .inSpan(() => this.transactional.run(attempt, lease))
        .then((outcome) => {
          this.end(attempt, outcome);
          attempt.connectionIsFree();
        });
    else this.runPlain(attempt);
  }

  /**
   * Rejects if the host's client does not answer. While it does not answer, the failure of a handler says
   * nothing about its event.
   */
  askHost(): Promise<void> {
    return this.transactional.askHost();
  }

  /** Called when the handler itself ends. This may be after the deadline has settled the attempt. */
  private end(attempt: Attempt, outcome: EndOfAttempt): void {
    this.watchdog.leave(attempt.watched);
    attempt.watched = -1;
    if (this.faults.isArmed) this.faults.outcomeOf(attempt);
    attempt.settle(outcome);
  }

  private runPlain(attempt: Attempt): void {
    if (this.crashes('before-handler', attempt)) {
      this.end(attempt, CRASHED);
      return;
    }
    attempt.handles();
    try {
      const running = this.callPlain(attempt);
      if (isThenable(running)) {
        running.then(
          () => this.finishPlain(attempt, this.failures.endOf(attempt)),
          (error) => this.failPlain(attempt, error),
        );
      } else this.finishPlain(attempt, this.failures.endOf(attempt));
    } catch (error) {
      this.failPlain(attempt, error);
    }
  }

  private failPlain(attempt: Attempt, error: unknown): void {
    this.finishPlain(attempt, this.outcomeOf(attempt, error));
  }

  private finishPlain(attempt: Attempt, outcome: EndOfAttempt): void {
    this.end(attempt, this.crashes('after-handler', attempt) ? CRASHED : outcome);
  }

  private crashes(point: FaultPointName, attempt: Attempt): boolean {
    return this.faults.isArmed && this.faults.reached(point, attempt);
  }

  private callPlain(attempt: Attempt): unknown {
    const { subscription } = attempt.delivery;
    attempt.isEntered = true;
    const context = contextOf(attempt, this, undefined);
    const input = inputOf(attempt, this.gate);
    const event = Array.isArray(input) ? undefined : input;
    const { consumerName, handler } = subscription;
    const { observer } = attempt;
    if (observer === undefined || !observer.surrounds)
      return runHandler(consumerName, event, handler, input, context);
    return observer.run(() => runHandler(consumerName, event, handler, input, context));
  }

  private outcomeOf(attempt: Attempt, error: unknown): Outcome {
    return this.failures.outcomeOf(attempt, error);
  }

  /** One function serves all attempts, so that an attempt needs no closure of its own. */
  private readonly endAtDeadline = (attempt: Attempt, error: IntegrationError): void => {
    attempt.settle(
      attempt.isHandlersFault ? this.outcomeOf(attempt, error) : { kind: 'infrastructure', error },
    );
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as PromiseLike<unknown>).then === 'function'
  );
}
