import { randomUUID } from 'node:crypto';
import type { Logger } from '@nestjs/common';
import type { SqlClient, Tx } from '../database/clients/sql-client.js';
import type { DomainEventInput, EventName, PublishedEvent } from '../events/domain-event.js';
import type { CallMaker, CreatedCall, NewExternalCall } from '../module/call-maker.js';
import type { DomainEventPublisher } from '../outbox/domain-event-publisher.js';
import type { SubscriberContext } from '../subscribers/subscriber-definition.js';
import { suggestionFor } from '../words/known-names.js';
import { storableText } from '../words/text.js';
import { metadataOf, timeoutEvent } from './own-events.js';
import type { FoundSaga, SetTimeout, SetTimeouts } from './saga.store.js';
import type { SagaContext, TimeoutAt } from './saga-context.js';
import type { SagaDefinition } from './saga-definition.js';
import { called, invalidUse } from './saga-errors.js';
import type { SagaStatus } from './saga-instance.js';
import type { SagaWriter } from './saga-writer.js';
import { type UndoList, undoing } from './undo-list.js';

/** Of the reason of an undo. */
const LONGEST_REASON = 2_000;

/** What a running saga begins with. */
export type SagaBefore = Pick<FoundSaga, 'id' | 'tenantId' | 'step' | 'state' | 'timeouts'>;

export interface RunningParts {
  readonly definition: Pick<SagaDefinition, 'name' | 'steps' | 'timeouts'>;
  readonly key: string;
  readonly context: SubscriberContext;
  readonly client: SqlClient;
  readonly publisher: DomainEventPublisher;
  readonly writer: SagaWriter;
  readonly undo: UndoList;
  /** Undefined where the application has no CallsModule. */
  readonly calls: CallMaker | undefined;
}

/** A saga that has ended has no timeouts. */
interface Decided {
  readonly status: SagaStatus;
  /** Why it was undone. */
  readonly reason: string | undefined;
  /** The timeouts that are set. */
  readonly timeouts: SetTimeouts;
  /** The events of those that the handler has set. */
  readonly due: readonly DomainEventInput[];
}

/** A saga while one of its handlers runs. What the handler decides is kept here, and written afterwards. */
export class RunningSaga implements SagaContext {
  readonly id: string;
  state: unknown;
  private current: string;
  private end: { readonly status: SagaStatus; readonly reason?: string } | undefined;
  private hasReturned = false;
  private readonly set: Map<string, SetTimeout>;
  /** The events of timeouts that this handler has set, by their names. */
  private readonly due = new Map<string, DomainEventInput>();

  constructor(
    private readonly parts: RunningParts,
    private readonly before: SagaBefore,
  ) {
    this.id = before.id;
    this.state = before.state;
    this.current = before.step;
    this.set = new Map(Object.entries(before.timeouts));
  }

  get key(): string {
    return this.parts.key;
  }

  get step(): string {
    return this.current;
  }

  get transaction(): Tx {
    return this.parts.context.transaction;
  }

  get signal(): AbortSignal {
    return this.parts.context.signal;
  }

  get logger(): Logger {
    return this.parts.context.logger;
  }

  become(step: string): void {
    this.requireActive('become');
    const { name, steps } = this.parts.definition;
    if (!steps.includes(step))
      throw invalidUse(
        `The saga "${name}" has no step ${JSON.stringify(step)}; there are: ${steps.join(', ')}${suggestionFor(String(step), steps)}`,
        { saga: name, step },
      );
    this.current = step;
  }

  async publish<N extends EventName>(event: DomainEventInput<N>): Promise<PublishedEvent> {
    this.requireRunning('publish');
    const given = event as DomainEventInput;
    return this.parts.publisher.publishEvent(this.correlated(given), {
      persistenceClient: this.transaction,
    });
  }

  async call(type: unknown, given: NewExternalCall): Promise<CreatedCall> {
    this.requireRunning('call');
    const { calls, definition } = this.parts;
    if (calls === undefined)
      throw invalidUse(
        `The saga "${definition.name}" makes a call, and the application has no CallsModule: import CallsModule.forRoot() of nestjs-integration/calls`,
        { saga: definition.name },
      );
    const { id, tenantId } = this.before;
    const call = tenantId === '' ? given : { tenantId, ...given };
    return calls.makeCall(type, call, this.transaction, {
      caller: { saga: definition.name, key: this.key },
      metadata: { correlationId: id },
    });
  }

  async timeout(name: string, when: TimeoutAt): Promise<void> {
    this.requireActive('timeout');
    this.requireTimeout(name);
    const { afterMs, at } = Object(when) as { afterMs?: unknown; at?: unknown };
    const dueAt = at ?? (typeof afterMs === 'number' ? new Date(Date.now() + afterMs) : undefined);
    const isTime = dueAt instanceof Date && !Number.isNaN(dueAt.getTime()) && !(Number(afterMs) < 0);
    if (!isTime || (at !== undefined && afterMs !== undefined))
      throw invalidUse(
        `The timeout ${JSON.stringify(name)} of saga "${this.parts.definition.name}" needs { afterMs } (milliseconds, not negative) or { at } (a valid Date)`,
        { saga: this.parts.definition.name, timeout: name },
      );
    const token = randomUUID();
    this.set.set(name, { token, at: dueAt.toISOString() });
    const delay = at === undefined ? { delayMs: afterMs as number } : { availableAt: dueAt };
    this.due.set(name, timeoutEvent(this.own, name, token, delay));
  }

  async clearTimeout(name: string): Promise<void> {
    this.requireRunning('clearTimeout');
    this.requireTimeout(name);
    this.set.delete(name);
    this.due.delete(name);
  }

  onUndo<N extends EventName>(event: DomainEventInput<N>): void {
    this.requireActive('onUndo');
    this.parts.undo.remember(this.correlated(event as DomainEventInput));
  }

  async undo(reason: string): Promise<void> {
    this.requireActive('undo');
    this.end = { status: 'undone', reason: storableText(String(reason), LONGEST_REASON) };
    await this.parts.writer.write(this.parts.client, undoing(await this.parts.undo.all()));
  }

  complete(): void {
    this.requireActive('complete');
    this.end = { status: 'completed' };
  }

  /** The handler has returned. What it left behind, such as a promise, changes nothing any more. */
  close(): void {
    this.hasReturned = true;
  }

  /** Everything that an undo would publish. @throws what publishing it would throw */
  undoList(): Promise<readonly DomainEventInput[]> {
    return this.parts.undo.all();
  }

  /** What the handler has decided, besides step and state. */
  get decided(): Decided {
    const { status = 'active', reason } = this.end ?? {};
    return status === 'active'
      ? { status, reason, timeouts: Object.fromEntries(this.set), due: [...this.due.values()] }
      : { status, reason, timeouts: {}, due: [] };
  }

  /** What is known of the saga where it publishes an event. */
  get own() {
    const { id, tenantId } = this.before;
    return { saga: this.parts.definition.name, key: this.key, id, tenantId };
  }

  private correlated(event: DomainEventInput): DomainEventInput {
    return { ...event, metadata: { ...metadataOf(this.before), ...event?.metadata } };
  }

  private requireTimeout(name: string): void {
    const { name: saga, timeouts } = this.parts.definition;
    if (timeouts.has(name)) return;
    const known = [...timeouts.keys()];
    const others = known.length === 0 ? 'it has none' : `there are: ${known.join(', ')}`;
    throw invalidUse(
      `The saga "${saga}" has no method with @SagaTimeout(${JSON.stringify(name)}); ${others}${suggestionFor(String(name), known)}`,
      { saga, timeout: name },
    );
  }

  private requireActive(what: string): void {
    this.requireRunning(what);
    if (this.end !== undefined) throw this.tooLate(what, `it is ${this.end.status} since this handler`);
  }

  private requireRunning(what: string): void {
    if (this.hasReturned) throw this.tooLate(what, 'its handler has returned: await what it does');
  }

  private tooLate(what: string, why: string) {
    const { name } = this.parts.definition;
    return invalidUse(`${what}(…) of ${called(name, this.key)} came too late: ${why}`, {
      saga: name,
      key: this.key,
    });
  }
}
