import { type ArmedFault, type FaultPointName, FaultPoints } from '../delivery/execution/fault-points.js';
import { checkNames } from '../log/query-checks.js';
import type { TestedApplication } from './application.js';

export interface FailAtOptions {
  /** Of which consumer; default: any. */
  consumerName?: string | undefined;
  /** Of which event; default: any. */
  outboxEventId?: string | undefined;
  /** How many times, default once. */
  times?: number | undefined;
}

/** A fault that is armed, or was. */
export interface Fault {
  /** How many times it has happened. */
  readonly hits: number;
  /** Resolves when it happens for the first time. */
  readonly reached: Promise<void>;
  /** It does not happen any more. */
  disarm(): void;
}

/**
 * Lets a delivery end at one of its steps as a crash would end it: what this process knows of the consumer is
 * dropped, an open transaction of the handler is rolled back, and the consumer is claimed anew, so that the
 * event is delivered again unless what it did was committed. For tests that a handler survives that:
 *
 * - `before-handler`: it was read, the handler has not been called
 * - `after-handler`: the handler has ended; nothing is committed or noted
 * - `after-commit`: the transaction of a transactional handler is committed, and the answer is lost
 * - `before-save`: the outcome waits to be saved
 * - `after-save`: it is saved
 *
 * A transactional batch saves with its own transaction: there the last two do not occur.
 */
export function failAt(app: TestedApplication, point: FaultPointName, options: FailAtOptions = {}): Fault {
  checkNames('an option of failAt', options, ['consumerName', 'outboxEventId', 'times']);
  const points = app.get(FaultPoints, { strict: false });
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
