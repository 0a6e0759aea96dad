import { randomUUID } from 'node:crypto';
import type { HostClient } from '../database/clients/host-client.js';
import type { SqlClient } from '../database/clients/sql-client.js';
import { transactionEnded } from '../database/sql/transaction-ends.js';
import type { DomainEvent, DomainEventInput } from '../events/domain-event.js';
import type { EventGate } from '../events/event-gate.js';
import { UuidV7Generator } from '../events/uuid-v7.js';
import type { CallMaker } from '../module/call-maker.js';
import type { DomainEventPublisher } from '../outbox/domain-event-publisher.js';
import type { SubscriberContext } from '../subscribers/subscriber-definition.js';
import { againEvent, expiredEvent } from './own-events.js';
import { RunningSaga } from './running-saga.js';
import {
  type FoundSaga,
  type LockedSaga,
  MOST_WAITING,
  type NewEntry,
  type SagaStore,
  type Waiting,
} from './saga.store.js';
import type { SagaDefinition } from './saga-definition.js';
import { called, deadLetter } from './saga-errors.js';
import type { SagaMetrics } from './saga-metrics.js';
import { FIRST_STEP } from './saga-options.js';
import { AFTER_END } from './saga-reasons.js';
import { jsonText, raised, requireKnown, stateText } from './saga-state.js';
import type { SagaWriter } from './saga-writer.js';
import { UndoList } from './undo-list.js';

/** How many entries the history of a saga may have before it takes no more steps. */
export const MOST_STEPS = 1_000;

/** What all turns of a saga use. */
export interface TurnParts {
  readonly definition: SagaDefinition;
  readonly host: HostClient;
  readonly store: SagaStore;
  readonly publisher: DomainEventPublisher;
  readonly gate: EventGate;
  readonly writer: SagaWriter;
  readonly metrics: SagaMetrics;
  readonly calls: CallMaker | undefined;
}

/** What is done in a turn: an event, or a timeout. */
export interface Cause {
  readonly outboxEventId: string;
  /** As it stands in the history. */
  readonly name: string;
  readonly tenantId?: string | undefined;
}

export function causeOf({ outboxEventId, eventName, metadata }: DomainEvent): Cause {
  const { tenantId } = metadata;
  return { outboxEventId, name: eventName, tenantId: typeof tenantId === 'string' ? tenantId : undefined };
}

/**
 * The work on one saga in the transaction of one delivery. It has the saga's lock from its beginning to the
 * end of the transaction.
 */
export class SagaTurn {
  private constructor(
    private readonly parts: TurnParts,
    private readonly context: SubscriberContext,
    private readonly client: SqlClient,
    private readonly locked: LockedSaga,
    /** Undefined where there is no saga of this key. */
    readonly found: FoundSaga | undefined,
  ) {}

  /** Takes the lock, and looks in a statement behind it. */
  static async begin(parts: TurnParts, key: string, context: SubscriberContext): Promise<SagaTurn> {
    const { store, host, definition } = parts;
    const client = host.within(context.transaction);
    const { locked, found } = await store.begin(client, definition.name, key);
    return new SagaTurn(parts, context, client, locked, found);
  }

  get key(): string {
    return this.locked.key;
  }

  /** The turn with which a saga begins. */
  async start(cause: Cause, call: (saga: RunningSaga) => unknown): Promise<void> {
    const { store } = this.parts;
    const before = {
      id: IDS.next(),
      tenantId: cause.tenantId ?? '',
      step: FIRST_STEP,
      state: undefined,
      timeouts: {},
    };
    const saga = this.running(before, []);
    const done = await this.done(saga, call);
    const waiting = done.status === 'active' ? [] : await store.dropWaiting(this.client, this.locked);
    const entries = [this.entry(cause, null, saga), ...waiting.map((event) => skipped(event, saga.step))];
    const row = { ...done, id: before.id, tenantId: before.tenantId };
    const created = await store.create(this.client, this.locked, row, entries);
    if (created === undefined) throw transactionEnded(undefined);
    await this.publishOwn(saga, created.hasWaiting);
    this.told(saga, FIRST_STEP, undefined);
  }

  /** A turn of a saga that has begun. `timeout` is the one that is due. */
  async step(cause: Cause, call: (saga: RunningSaga) => unknown, timeout?: string): Promise<void> {
    const { store, definition } = this.parts;
    const found = this.requireFound();
    const { name: saga, state: rules } = definition;
    if (found.steps >= MOST_STEPS) throw this.tooManySteps(found.steps);
    const state = await raised(found.state, found.version, rules, { saga, key: this.key });
    const timeouts = Object.fromEntries(Object.entries(found.timeouts).filter(([name]) => name !== timeout));
    const running = this.running({ ...found, state, timeouts }, found.undo);
    const done = await this.done(running, call);
    const isOver = done.status !== 'active';
    const waiting = isOver && found.hasWaiting ? await store.dropWaiting(this.client, this.locked) : [];
    const entries = [
      this.entry(cause, found.step, running),
      ...waiting.map((event) => skipped(event, running.step)),
    ];
    const row = { ...done, steps: found.steps };
    if (!(await store.save(this.client, this.locked, row, entries))) throw transactionEnded(undefined);
    await this.publishOwn(running, found.hasWaiting && found.step !== running.step);
    this.told(running, found.step, found.changedAt);
  }

  /** Leaves the event out, and says so in the history as long as there is room. */
  async skip({ outboxEventId, name }: Cause, reason: string): Promise<void> {
    const { steps, step } = this.requireFound();
    if (steps >= MOST_STEPS) return;
    const entry = { outboxEventId, name, before: step, after: step, reason };
    if (!(await this.parts.store.note(this.client, this.locked, steps, entry)))
      throw transactionEnded(undefined);
  }

  /** Keeps an event until one of the steps is reached, and makes it a dead letter if that takes too long. */
  async wait(event: DomainEvent, wanted: readonly string[], waitMs: number): Promise<void> {
    const { store, writer, metrics } = this.parts;
    const waiting: Waiting = { position: event.position, token: randomUUID() };
    if (!(await store.wait(this.client, this.locked, { ...waiting, event, wanted, waitMs })))
      throw deadLetter(
        'INTEGRATION_SAGA_LIMIT',
        `${called(this.locked.saga, this.key)} has ${MOST_WAITING} events that wait for it, and takes no more`,
        { saga: this.locked.saga, key: this.key },
      );
    const { tenantId } = causeOf(event);
    const of = {
      saga: this.locked.saga,
      key: this.key,
      id: this.found?.id,
      tenantId: this.found?.tenantId ?? tenantId,
    };
    await writer.write(this.client, [expiredEvent(of, waiting, waitMs)]);
    metrics.keptWaiting();
  }

  /** Takes an event out that has waited. Undefined if it was handled meanwhile, or waits anew. */
  takeWaiting(waiting: Waiting): Promise<DomainEvent | undefined> {
    return this.parts.store.takeWaiting(this.client, this.locked, waiting);
  }

  stillWaiting(waiting: Waiting) {
    return this.parts.store.stillWaiting(this.client, this.locked, waiting);
  }

  /** Whether a step of the saga was done for this event before. */
  async wasHandled({ outboxEventId }: Cause): Promise<boolean> {
    if (this.found === undefined) return false;
    return this.parts.store.wasHandled(this.client, this.found.id, outboxEventId);
  }

  /** @throws PostponeError if a newer release has written the saga */
  requireKnown(): void {
    const { name: saga, state } = this.parts.definition;
    requireKnown(this.requireFound().version, state, { saga, key: this.key });
  }

  private running(before: ConstructorParameters<typeof RunningSaga>[1], undo: readonly DomainEventInput[]) {
    const { definition, publisher, gate, writer, calls } = this.parts;
    const { context, client, key } = this;
    const list = new UndoList(undo, gate, writer);
    return new RunningSaga(
      { definition, key, context, client, publisher, writer, calls, undo: list },
      before,
    );
  }

  /** Calls the handler, and returns the row as it is then. */
  private async done(saga: RunningSaga, call: (saga: RunningSaga) => unknown) {
    const { name, state: rules } = this.parts.definition;
    const of = { saga: name, key: this.key };
    await call(saga);
    saga.close();
    const { status, timeouts } = saga.decided;
    const undo = status === 'active' ? await saga.undoList() : [];
    jsonText('undo list', undo, of);
    const state = await stateText(saga.state, rules, of);
    return { step: saga.step, status, state, version: rules.version, undo, timeouts };
  }

  /** Timeouts, and the events that have waited for the step. */
  private async publishOwn(saga: RunningSaga, mayRelease: boolean): Promise<void> {
    const { store, writer } = this.parts;
    const released =
      mayRelease && saga.decided.status === 'active'
        ? await store.release(this.client, this.locked, saga.step)
        : [];
    const again = released.map((waiting) => againEvent(saga.own, waiting));
    await writer.write(this.client, [...saga.decided.due, ...again]);
  }

  private entry({ outboxEventId, name }: Cause, before: string | null, saga: RunningSaga): NewEntry {
    return { outboxEventId, name, before, after: saga.step, reason: saga.decided.reason };
  }

  private told({ step, decided }: RunningSaga, before: string, since: Date | undefined): void {
    this.parts.metrics.done({ before, after: step, status: decided.status, since });
  }

  private requireFound(): FoundSaga {
    if (this.found === undefined) throw new Error('there is no saga');
    return this.found;
  }

  private tooManySteps(steps: number) {
    const { saga, key } = this.locked;
    return deadLetter(
      'INTEGRATION_SAGA_LIMIT',
      `${called(saga, key)} has ${steps} entries in its history, and ${MOST_STEPS} is the limit: end it, or let it begin anew under another key`,
      { saga, key, steps },
    );
  }
}

const IDS = new UuidV7Generator();

/** The entry of an event that waited for a saga when it ended. */
export function skipped(
  { outboxEventId, eventName }: Pick<DomainEvent, 'outboxEventId' | 'eventName'>,
  step: string,
): NewEntry {
  return { outboxEventId, name: eventName, before: step, after: step, reason: AFTER_END };
}
