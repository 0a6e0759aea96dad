import { AsyncResource } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import { type Observable, Subject } from 'rxjs';
import { RepeatedWakeup } from './repeated-wakeup.js';
import type { Wakeup } from './wakeup.js';

/**
 * The stream of wake-ups of this process. It only makes delivery sooner. Polling alone would deliver
 * everything.
 */
@Injectable()
export class OutboxNotifier {
  readonly wakeups$: Observable<Wakeup>;
  /** The wake-ups that other processes have not been told of. */
  readonly untold$: Observable<Wakeup>;

  private readonly wakeups = new Subject<Wakeup>();
  private readonly untold = new Subject<Wakeup>();
  private readonly repeated = new RepeatedWakeup((wakeup) => this.wakeups.next(wakeup));
  // Listeners start work that outlives the publisher. It must not run in the async context (transaction,
  // trace) of the publisher.
  private readonly scope = new AsyncResource('OutboxNotifier');

  constructor() {
    this.wakeups$ = this.wakeups.asObservable();
    this.untold$ = this.untold.asObservable();
  }

  /**
   * Wakes the consumers of this process and of every other one, for events that were written in some other
   * way, such as plain SQL.
   */
  notify(eventName?: string): void {
    const eventNames = eventName === undefined ? undefined : [eventName];
    this.signal({ source: 'manual', eventNames, concernsInbox: true });
  }

  /**
   * Emits one wake-up. `told`: the other processes have already been told of it. `goesOnForMs`: for so many
   * milliseconds more commits are to be expected without a wake-up for each of them. The wake-up is repeated
   * in this process meanwhile.
   */
  signal(wakeup: Wakeup, { told = false, goesOnForMs = 0 } = {}): void {
    this.scope.runInAsyncScope(() => {
      this.wakeups.next(wakeup);
      if (!told) this.untold.next(wakeup);
      if (goesOnForMs > 0) this.repeated.goOn(wakeup, goesOnForMs);
    });
  }

  /**
   * Is called because events of these names may be committed soon. A wake-up that is being repeated is then
   * for them too.
   */
  expect(eventNames: readonly string[]): void {
    this.repeated.alsoWakeFor(eventNames);
  }
}
