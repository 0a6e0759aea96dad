import { Inject, Injectable, type Logger } from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import { answerWithin } from '../database/wire/answer-within.js';
import { ENGINE_NAMES, type EngineNames } from '../subscribers/engine-names.js';
import { callerOf, placeOf, providerMethods } from '../subscribers/provider-methods.js';
import { loggerOf } from '../words/engine-logger.js';
import { kindsOf, type OfIntegration, STATUSES } from './on-integration-event.decorator.js';
import { stackWithCauses } from './partition/error-causes.js';
import { type AttemptOutcome, OutcomeStream } from './partition/outcome-stream.js';

/** Token of the limits of listeners. */
export const LISTENER_LIMITS = Symbol('nestjs-integration:listener-limits');

export interface ListenerLimits {
  /** Milliseconds after which a call is logged as hanging. */
  readonly slowMs: number;
  /**
   * How many calls of one listener may run at once. Outcomes that come during that time are not reported to
   * the listener.
   */
  readonly mostCalls: number;
  /** Milliseconds for which the shutdown waits for running calls. */
  readonly endMs: number;
}

export const DEFAULT_LISTENER_LIMITS: ListenerLimits = { slowMs: 30_000, mostCalls: 10_000, endMs: 2_000 };

/**
 * Finds the methods with `@OnIntegrationEvent` and calls them. Delivery does not depend on what they do. A
 * method hears of every engine of the application, because an alert must not miss one.
 */
@Injectable()
export class OutcomeListeners {
  private readonly listeners: OutcomeCalls[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly modules: ModuleRef,
    private readonly outcomes: OutcomeStream,
    @Inject(LISTENER_LIMITS) private readonly limits: ListenerLimits,
    @Inject(ENGINE_NAMES) private readonly engines: EngineNames,
  ) {}

  /** Called when the application's providers exist. */
  explore(): void {
    for (const method of providerMethods(this.discovery, (each) => kindsOf(each).length > 0)) {
      const { own: integration } = this.engines;
      const logger = loggerOf('OnIntegrationEvent', { engine: integration });
      const calls = new OutcomeCalls(callerOf(method, this.modules), placeOf(method), this.limits, logger);
      const statuses = kindsOf(method.holder[method.name]).flatMap((kind) => STATUSES[kind]);
      this.outcomes.listen(statuses, (outcome) => calls.tell({ ...outcome, integration }), true);
      this.listeners.push(calls);
    }
  }

  /** Waits for a short time for running calls, for example for an alert that is being sent. */
  async close(): Promise<void> {
    const ended = Promise.all(this.listeners.map((calls) => calls.close()));
    await answerWithin(this.limits.endMs, ended).catch(() => {});
  }
}

/** The calls of one listener. Each kind of problem is logged once. */
class OutcomeCalls {
  private readonly running = new Set<Promise<void>>();
  private readonly said = new Set<string>();
  /** The timer for the call that is checked for hanging, if there is one. */
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly call: (outcome: AttemptOutcome & OfIntegration) => unknown,
    private readonly place: string,
    private readonly limits: ListenerLimits,
    private readonly logger: Logger,
  ) {}

  tell(outcome: AttemptOutcome & OfIntegration): void {
    if (this.running.size >= this.limits.mostCalls) {
      this.say(
        'full',
        `has ${this.running.size} calls under way: it is told nothing more until some have ended.`,
      );
      return;
    }
    try {
      const running = this.call(outcome);
      if (isThenable(running)) this.follow(Promise.resolve(running));
    } catch (error) {
      this.failed(error);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.running);
    clearTimeout(this.timer);
  }

  private follow(call: Promise<unknown>): void {
    const running: Promise<void> = call
      .then(
        () => {},
        (error) => this.failed(error),
      )
      .finally(() => this.running.delete(running));
    this.running.add(running);
    if (!this.said.has('slow')) this.watch(running);
  }

  /** Sets one timer at a time, for the call that is the oldest at this moment. */
  private watch(oldest: Promise<void>): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.running.has(oldest)) this.say('slow', `has not ended a call within ${this.limits.slowMs} ms.`);
      else for (const next of this.running) return this.watch(next);
    }, this.limits.slowMs).unref();
  }

  private failed(error: unknown): void {
    this.say('failed', 'failed, which is said this once.', `\n${stackWithCauses(error)}`);
  }

  private say(what: string, text: string, details = ''): void {
    if (this.said.has(what)) return;
    this.said.add(what);
    this.logger.warn(`${this.place} ${text} Delivery goes on.${details}`);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
  );
}
