import { Injectable } from '@nestjs/common';
import { type Observable, Subject } from 'rxjs';

/** What an attempt of this process's came to, once it is saved. */
export interface EventOutcome {
  readonly outboxEventId: string;
  readonly consumerName: string;
  /** `retrying`: failed, with a retry to come; `failed`: for good, with dead-lettering switched off. */
  readonly status: 'processed' | 'skipped' | 'retrying' | 'failed' | 'dead_letter';
  /** Which try it was, from 1. */
  readonly attempt: number;
}

/** The outcomes of all consumers of this process. */
@Injectable()
export class OutcomeStream {
  private readonly subject = new Subject<EventOutcome>();

  readonly outcomes$: Observable<EventOutcome> = this.subject.asObservable();

  /** Whether anybody listens: if not, nothing is noted down. */
  get isWatched(): boolean {
    return this.subject.observed;
  }

  tell(outcome: EventOutcome): void {
    this.subject.next(outcome);
  }
}
