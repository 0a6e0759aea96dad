import { type ArmedFault, type FaultPointName, FaultPoints } from '../delivery/execution/fault-points.js';
import { checkNames } from '../words/argument-checks.js';
import { type OfIntegration, serviceOf, type TestedApplication } from './application.js';

export interface FailAtOptions extends OfIntegration {
  /** The consumer in which it happens. Default: any. */
  consumerName?: string | undefined;
  /** The event at which it happens. Default: any. */
  outboxEventId?: string | undefined;
  /** How many times it happens. Default: once. */
  times?: number | undefined;
}

/** A fault that was armed. */
export interface Fault {
  /** How many times it has happened. */
  readonly hits: number;
  /** Resolves when it happens for the first time. */
  readonly reached: Promise<void>;
  /** Prevents the fault from happening again. */
  disarm(): void;
}

/**
 * Makes a delivery end at one of its steps as if the process had crashed there. The process drops what it
 * knows of the consumer, an open transaction of the handler is rolled back, and the consumer is claimed
 * again. The event is therefore delivered again, unless its effects were committed. Tests use it to check
 * that a handler survives this:
 *
 * - `before-handler`: the event was read, and the handler has not been called
 * - `after-handler`: the handler has ended, and nothing is committed or recorded
 * - `after-commit`: the transaction of a transactional handler is committed, and the answer is lost
 * - `before-save`: the outcome waits to be saved
 * - `after-save`: the outcome is saved
 *
 * A transactional batch saves its outcome in its own transaction, so the last two do not occur there.
 */
export function failAt(app: TestedApplication, point: FaultPointName, options: FailAtOptions = {}): Fault {
  checkNames('an option of failAt', options, ['consumerName', 'outboxEventId', 'times', 'integration']);
  const points = serviceOf(app, 'failAt', FaultPoints, options);
  const { consumerName, outboxEventId, times = 1 } = options;
  let hits = 0;
  let resolve: () => void = () => {};
  const reached = new Promise<void>((done) => {
    resolve = done;
  });
  const fault: ArmedFault = {
    point,
    consumerName,
    outboxEventId,
    happens: () => {
      hits++;
      resolve();
      return hits < times;
    },
  };
  points.arm(fault);
  return {
    get hits() {
      return hits;
    },
    reached,
    disarm: () => points.disarm(fault),
  };
}
