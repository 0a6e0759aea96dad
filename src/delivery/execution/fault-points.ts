import { Injectable } from '@nestjs/common';
import type { Attempt } from '../partition/attempt.js';

/**
 * A step of a delivery, in their order. With `transactional`, the handler runs inside a transaction that a
 * crash before `after-commit` rolls back.
 */
export type FaultPointName =
  | 'before-handler'
  | 'after-handler'
  | 'after-commit'
  | 'before-save'
  | 'after-save';

/** Where, and for which events, deliveries end as if the process had ended. */
export interface ArmedFault {
  readonly point: FaultPointName;
  readonly consumerName: string | undefined;
  readonly outboxEventId: string | undefined;
  /** Told when it happens; false: from now on it does not happen any more. */
  readonly happens: () => boolean;
}

/**
 * For tests of handlers: a delivery can be made to end at each of its steps as a crash would end it. All that
 * memory knows is dropped, and the consumer is claimed anew. Nothing is armed in an application that runs.
 */
@Injectable()
export class FaultPoints {
  private armed: ArmedFault[] = [];
  /** Faults of a save, whose event has its outcome and waits for that save, with the consumer. */
  private readonly inNextSave = new Map<ArmedFault, string>();

  get isArmed(): boolean {
    return this.armed.length > 0;
  }

  arm(fault: ArmedFault): void {
    this.armed = [...this.armed, fault];
  }

  disarm(fault: ArmedFault): void {
    this.armed = this.armed.filter((each) => each !== fault);
    this.inNextSave.delete(fault);
  }

  /** Whether this attempt ends here. */
  reached(point: FaultPointName, attempt: Attempt): boolean {
    const fault = this.armed.find((each) => each.point === point && concerns(each, attempt));
    return fault !== undefined && this.happen(fault);
  }

  /** The attempt has an outcome that a save will write. */
  outcomeOf(attempt: Attempt): void {
    for (const fault of this.armed) {
      if (fault.point.endsWith('-save') && concerns(fault, attempt)) {
        this.inNextSave.set(fault, attempt.delivery.subscription.consumerName);
      }
    }
  }

  /** Whether the consumer's save that is about to be sent, or was committed just now, ends here. */
  reachedInSave(point: 'before-save' | 'after-save', consumerName: string): boolean {
    for (const [fault, consumer] of this.inNextSave) {
      if (fault.point !== point || consumer !== consumerName) continue;
      this.inNextSave.delete(fault);
      return this.happen(fault);
    }
    return false;
  }

  private happen(fault: ArmedFault): boolean {
    if (!fault.happens()) this.disarm(fault);
    return true;
  }
}

function concerns({ consumerName, outboxEventId }: ArmedFault, { deliveries, delivery }: Attempt): boolean {
  if (consumerName !== undefined && delivery.subscription.consumerName !== consumerName) return false;
  return outboxEventId === undefined || deliveries.some(({ log }) => log.id === outboxEventId);
}
