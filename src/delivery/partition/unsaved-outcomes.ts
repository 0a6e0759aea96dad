import type { SaveReport } from '../../inbox/settle-buffer.js';
import type { Delivery } from './delivery.js';
import type { Verdict } from './outcome-rows.js';
import type { EventOutcome, OutcomeStream } from './outcome-stream.js';

/** Outcomes of one worker that are told once their save is committed. Empty while nobody listens. */
export class UnsavedOutcomes {
  private readonly byPosition = new Map<number, EventOutcome>();
  private readonly byRow = new Map<string, EventOutcome>();

  constructor(private readonly stream: OutcomeStream) {}

  /** A save is to come that writes it. */
  add(delivery: Delivery, { status, availableInMs }: Pick<Verdict, 'status' | 'availableInMs'>): void {
    if (!this.stream.isWatched || status === 'received') return;
    const isRetried = status === 'failed' && availableInMs !== undefined;
    const outcome = outcomeOf(delivery, isRetried ? 'retrying' : status);
    if (delivery.claim === undefined) this.byPosition.set(delivery.position, outcome);
    else this.byRow.set(delivery.claim.inboxEventId, outcome);
  }

  /** The handler's own transaction has written it. */
  tellCommitted(delivery: Delivery): void {
    if (this.stream.isWatched) this.stream.tell(outcomeOf(delivery, 'processed'));
  }

  saved({ positions, resolved }: SaveReport): void {
    for (const { inboxEventId } of resolved) this.tell(this.byRow, inboxEventId);
    for (const position of [...this.byPosition.keys()]) {
      if (positions.has(position)) this.tell(this.byPosition, position);
    }
  }

  private tell<K>(outcomes: Map<K, EventOutcome>, key: K): void {
    const outcome = outcomes.get(key);
    if (outcome === undefined) return;
    outcomes.delete(key);
    this.stream.tell(outcome);
  }
}

function outcomeOf({ log, subscription, attempt }: Delivery, status: EventOutcome['status']): EventOutcome {
  return { outboxEventId: log.id, consumerName: subscription.consumerName, status, attempt };
}
