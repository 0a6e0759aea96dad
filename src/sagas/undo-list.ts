import type { DomainEventInput } from '../events/domain-event.js';
import type { EventGate } from '../events/event-gate.js';
import type { SagaWriter } from './saga-writer.js';

/**
 * The events that an undo publishes. Each passes its contract when it is remembered, and is kept as it would
 * be stored then, with its version. So an undo succeeds weeks later, whatever became of the contract.
 */
export class UndoList {
  private readonly given: DomainEventInput[] = [];

  constructor(
    private kept: readonly DomainEventInput[],
    private readonly gate: EventGate,
    private readonly writer: SagaWriter,
  ) {}

  remember(event: DomainEventInput): void {
    this.given.push(event);
  }

  /** Everything that is remembered, in its order. @throws what publishing it would throw */
  async all(): Promise<readonly DomainEventInput[]> {
    const given = this.given.splice(0);
    if (given.length === 0) return this.kept;
    const { publishing } = this.gate;
    const storable = (await publishing?.(given, (i) => `onUndo[${i}].`)) ?? given;
    for (const event of storable) this.writer.check(event);
    this.kept = [...this.kept, ...storable];
    return this.kept;
  }
}

/** What an undo publishes: the last one first. A time that was stored is a text. */
export function undoing(kept: readonly DomainEventInput[]): DomainEventInput[] {
  return kept
    .map(({ availableAt, ...event }) =>
      availableAt === undefined ? event : { ...event, availableAt: new Date(availableAt) },
    )
    .reverse() as DomainEventInput[];
}
