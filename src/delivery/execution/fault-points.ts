import { Injectable } from '@nestjs/common';
import type { Attempt } from '../partition/attempt.js';

/**
 * The steps of a delivery, in their order. A `transactional` handler runs inside a transaction, and a crash
 * before `after-commit` rolls that transaction back.
 */
export type FaultPointName =
  | 'before-handler'
  | 'after-handler'
  | 'after-commit'
  | 'before-save'
  | 'after-save';

/**
 * A crash that a test has ordered: the step at which a delivery ends as if the process had ended, and the
 * consumer and the event. An undefined consumer or event means any.
 */
export interface ArmedFault {
  readonly point: FaultPointName;
  readonly consumerName: string | undefined;
  readonly outboxEventId: string | undefined;
  /** Called when the fault happens. If it returns false, the fault does not happen any more. */
  readonly happens: () => boolean;
}

/**
 * Makes a delivery end at one of its steps as a crash would end it, for tests of handlers. Everything in
 * memory is dropped, and the consumer is claimed again. In a running application no fault is armed.
 */
@Injectable()
export class FaultPoints {
  private armed: ArmedFault[] = [];
  /**
   * The faults at a save whose event has an outcome and waits for that save. The value is the consumer's
   * name.
   */
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

  /** Whether this attempt ends at this point. */
  reached(point: FaultPointName, attempt: Attempt): boolean {
    const fault = this.armed.find((each) => each.point === point && concerns(each, attempt));
    return fault !== undefined && this.happen(fault);
  }

  /** Called when the attempt has an outcome that a save will write. */
  outcomeOf(attempt: Attempt): void {
    for (const fault of this.armed) {
      if (fault.point.endsWith('-save') && concerns(fault, attempt)) {
        this.inNextSave.set(fault, attempt.delivery.subscription.consumerName);
      }
    }
  }

  /**
   * Whether a save of the consumer ends at this point. The save is about to be sent, or was committed just
   * now.
   */
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
