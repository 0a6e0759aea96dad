import { IntegrationError } from '../errors.js';
import type { Delivery } from './delivery.js';

/** One run of a handler: its deadline and its abort signal. */
export class Attempt {
  /** Aborted or past its deadline: what still comes of it is ignored. */
  ended = false;
  /** The handler's own code has been entered; before that a failure is never the event's. */
  inHandler = false;

  private readonly startedAt = performance.now();
  private controller: AbortController | undefined;
  private endedBy: Error | undefined;

  constructor(
    readonly delivery: Delivery,
    readonly timeoutMs: number,
  ) {}

  /** Made on demand: most handlers never ask for it. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.ended && !this.controller.signal.aborted) this.controller.abort(this.endedBy);
    return this.controller.signal;
  }

  get remainingMs(): number {
    return Math.max(1, Math.ceil(this.timeoutMs - (performance.now() - this.startedAt)));
  }

  /** Ends the attempt from outside; the handler sees its signal abort with this reason. */
  end(reason: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.endedBy = reason;
    this.controller?.abort(reason);
  }

  /** Resolves with what `work` comes to, or with the error of the deadline, whichever is first. */
  race<R>(work: Promise<R>, onDeadline: (error: IntegrationError) => R): Promise<R> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const error = this.timeoutError();
        this.end(error);
        resolve(onDeadline(error));
      }, this.timeoutMs);
      work.then(
        (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        (error) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  }

  timeoutError(): IntegrationError {
    const { subscription, log } = this.delivery;
    return new IntegrationError(
      'INTEGRATION_HANDLER_TIMEOUT',
      `Handler ${subscription.place} of consumer "${subscription.consumerName}" did not finish ${log.eventName} within ${this.timeoutMs} ms: raise timeoutMs, or heed context.signal`,
      { consumerName: subscription.consumerName, eventName: log.eventName, outboxEventId: log.id },
    );
  }
}
