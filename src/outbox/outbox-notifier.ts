import { AsyncResource } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import { type Observable, Subject } from 'rxjs';

/** A reason to look at the log now. */
export interface Wakeup {
  /**
   * `publish`: written without a transaction; `commit`: a transaction committed; `listen`: another process said so;
   * `manual`: `notify()` was called; `schedule`: a delayed event is due.
   */
  source: 'publish' | 'commit' | 'listen' | 'manual' | 'schedule';
  /** The names of the events, where they are known. */
  eventNames?: readonly string[] | undefined;
  /** Not about new events alone: rows of the inbox may be due now, after a redrive for one. */
  concernsInbox?: boolean | undefined;
}

/** The process's own stream of wake-ups. It only makes delivery sooner; polling alone would be enough. */
@Injectable()
export class OutboxNotifier {
  readonly wakeups$: Observable<Wakeup>;
  /** Those that other processes have not been told of. */
  readonly untold$: Observable<Wakeup>;

  private readonly wakeups = new Subject<Wakeup>();
  private readonly untold = new Subject<Wakeup>();
  // Listeners start work that outlives the publisher: they must not run in its async context (transaction, trace).
  private readonly scope = new AsyncResource('OutboxNotifier');

  constructor() {
    this.wakeups$ = this.wakeups.asObservable();
    this.untold$ = this.untold.asObservable();
  }

  /** Wakes the consumers of this and every other process, for events that came in some other way, such as plain SQL. */
  notify(eventName?: string): void {
    const eventNames = eventName === undefined ? undefined : [eventName];
    this.signal({ source: 'manual', eventNames, concernsInbox: true });
  }

  /** Emits one wake-up; `told`: whoever found the reason for it has told the other processes. */
  signal(wakeup: Wakeup, { told = false } = {}): void {
    this.scope.runInAsyncScope(() => {
      this.wakeups.next(wakeup);
      if (!told) this.untold.next(wakeup);
    });
  }
}
