import { AsyncResource } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import { type Observable, Subject } from 'rxjs';
import { RepeatedWakeup } from './repeated-wakeup.js';
import type { Wakeup } from './wakeup.js';

/** The process's own stream of wake-ups. It only makes delivery sooner; polling alone would be enough. */
@Injectable()
export class OutboxNotifier {
  readonly wakeups$: Observable<Wakeup>;
  /** Those that other processes have not been told of. */
  readonly untold$: Observable<Wakeup>;

  private readonly wakeups = new Subject<Wakeup>();
  private readonly untold = new Subject<Wakeup>();
  private readonly repeated = new RepeatedWakeup((wakeup) => this.wakeups.next(wakeup));
  // Listeners start work that outlives the publisher: they must not run in its async context (transaction,
  // trace).
  private readonly scope = new AsyncResource('OutboxNotifier');

  constructor() {
    this.wakeups$ = this.wakeups.asObservable();
    this.untold$ = this.untold.asObservable();
  }

  /**
   * Wakes the consumers of this and every other process, for events that came in some other way, such as
   * plain SQL.
   */
  notify(eventName?: string): void {
    const eventNames = eventName === undefined ? undefined : [eventName];
    this.signal({ source: 'manual', eventNames, concernsInbox: true });
  }

  /**
   * Emits one wake-up; `told`: whoever found the reason for it has told the other processes. `goesOnForMs`:
   * more commits are to be expected for so many milliseconds, and nobody will say so each time; it is
   * repeated meanwhile, in this process.
   */
  signal(wakeup: Wakeup, { told = false, goesOnForMs = 0 } = {}): void {
    this.scope.runInAsyncScope(() => {
      this.wakeups.next(wakeup);
      if (!told) this.untold.next(wakeup);
      if (goesOnForMs > 0) this.repeated.goOn(wakeup, goesOnForMs);
    });
  }

  /** Events of these names may be committed soon: a wake-up that is being repeated is for them as well. */
  expect(eventNames: readonly string[]): void {
    this.repeated.alsoWakeFor(eventNames);
  }
}
