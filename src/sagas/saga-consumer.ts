import { SkipEventError } from '../errors.js';
import type { DomainEvent } from '../events/domain-event.js';
import type { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import type { SubscriberContext } from '../subscribers/subscriber-definition.js';
import { aboutOf, OWN_EVENTS, type OwnEvent, ownName } from './own-events.js';
import { consumerOf, type HandlersOfName, type StepHandler } from './saga-definition.js';
import { called, checkKey, deadLetter, invalidUse } from './saga-errors.js';
import { AFTER_END } from './saga-reasons.js';
import { type Cause, causeOf, SagaTurn, type TurnParts } from './saga-turn.js';

const STALE = 'the timeout was cleared or set again, or the saga has ended';
const NOT_WAITING = 'the event does not wait any more';
const NOT_BEGUN = 'there is no such saga';
const BEGUN = 'the saga has begun already';

/** The events of one saga's consumer. Each is handled in a transaction, in one turn of one saga. */
export class SagaConsumer {
  private readonly own: Readonly<
    Record<OwnEvent, (event: DomainEvent, context: SubscriberContext) => Promise<void>>
  > = {
    again: (event, context) => this.again(event, context),
    expired: (event, context) => this.expired(event, context),
    timeout: (event, context) => this.timeout(event, context),
  };

  constructor(private readonly parts: TurnParts) {}

  register(registry: EventSubscriberRegistry): void {
    const { name, names, place, consumer } = this.parts.definition;
    const shared = { ...consumer, consumerName: consumerOf(name), transactional: true };
    for (const handlers of names) {
      const handler = (event: DomainEvent, context: SubscriberContext) =>
        this.event(handlers, event, context);
      registry.registerAt(place, { ...shared, eventName: handlers.eventName, handler });
    }
    for (const kind of OWN_EVENTS)
      registry.registerAt(place, { ...shared, eventName: ownName(name, kind), handler: this.own[kind] });
  }

  private async event(
    handlers: HandlersOfName,
    event: DomainEvent,
    context: SubscriberContext,
  ): Promise<void> {
    const key = this.keyOf(handlers, event);
    if (key === undefined) return;
    const turn = await SagaTurn.begin(this.parts, key, context);
    const { kind } = context.occasion(event);
    // Only what an admin has sent again can have been handled before. The inbox knows everything else.
    const isRepeated = kind === 'replay' || kind === 'redrive';
    await this.take(turn, handlers, event, isRepeated);
  }

  /** An event has waited, and the step that it needs was reached. */
  private async again(event: DomainEvent, context: SubscriberContext): Promise<void> {
    const { key, position = 0, token = '' } = aboutOf(event);
    const turn = await this.begin(key, context);
    const waited = await turn.takeWaiting({ position, token });
    if (waited === undefined) throw new SkipEventError(NOT_WAITING);
    // An admin may have sent it again while it waited. Then it is only taken out.
    if (await turn.wasHandled(causeOf(waited))) return;
    // It may be older than the code that handles it.
    const current = this.parts.gate.delivering?.(waited, false) ?? waited;
    await this.take(turn, this.handlersOf(current), current, false);
  }

  /** An event has waited for too long, unless its step was reached meanwhile. */
  private async expired(event: DomainEvent, context: SubscriberContext): Promise<void> {
    const { key, position = 0, token = '' } = aboutOf(event);
    const turn = await this.begin(key, context);
    const waiting = await turn.stillWaiting({ position, token });
    if (waiting === undefined) throw new SkipEventError(NOT_WAITING);
    const { outboxEventId, eventName } = waiting.event;
    const { name: saga } = this.parts.definition;
    const steps = waiting.wanted.map((step) => JSON.stringify(step)).join(' or ');
    const what = steps === '' ? 'to begin' : `to be in ${steps}`;
    const now = turn.found === undefined ? 'It has not begun' : `It is in ${JSON.stringify(turn.found.step)}`;
    throw deadLetter(
      'INTEGRATION_SAGA_STATE',
      `${eventName} (event ${outboxEventId}) has waited for too long for ${called(saga, turn.key)} ${what}. ${now}. If it gets there, the event is still handled`,
      { saga, key: turn.key, outboxEventId, wanted: waiting.wanted, step: turn.found?.step },
    );
  }

  private async timeout(event: DomainEvent, context: SubscriberContext): Promise<void> {
    const { key, timeout = '', token } = aboutOf(event);
    const { definition } = this.parts;
    const turn = await this.begin(key, context);
    const set = turn.found?.status === 'active' ? turn.found.timeouts[timeout] : undefined;
    if (set === undefined || set.token !== token) throw new SkipEventError(STALE);
    turn.requireKnown();
    const handler = definition.timeouts.get(timeout);
    if (handler === undefined)
      throw deadLetter(
        'INTEGRATION_SAGA_STATE',
        `The timeout ${JSON.stringify(timeout)} of ${called(definition.name, turn.key)} is due, and the saga has no method with @SagaTimeout of this name any more`,
        { saga: definition.name, key: turn.key, timeout },
      );
    const cause = { outboxEventId: event.outboxEventId, name: `timeout:${timeout}` };
    await turn.step(cause, (saga) => handler.call(saga), timeout);
  }

  private async take(
    turn: SagaTurn,
    { start, steps }: HandlersOfName,
    event: DomainEvent,
    isRepeated: boolean,
  ): Promise<void> {
    const { found } = turn;
    const cause = causeOf(event);
    if (found === undefined) {
      if (start !== undefined) return turn.start(cause, (saga) => start.call(event, saga));
      return this.early(turn, steps, event);
    }
    this.refuseOtherTenant(found.tenantId, cause, turn.key);
    if (found.status !== 'active') return turn.skip(cause, AFTER_END);
    turn.requireKnown();
    if (isRepeated && (await turn.wasHandled(cause)))
      throw new SkipEventError('the saga has handled this event before');
    const step = steps.find((each) => each.in.length === 0 || each.in.includes(found.step));
    if (step !== undefined) return turn.step(cause, (saga) => step.call(event, saga));
    return steps.length === 0 ? turn.skip(cause, BEGUN) : this.early(turn, steps, event);
  }

  /** The event needs a saga that has not begun, or another step. */
  private async early(turn: SagaTurn, steps: readonly StepHandler[], event: DomainEvent): Promise<void> {
    const waits = steps.filter(({ otherwise }) => otherwise === 'wait');
    if (waits.length > 0) {
      const wanted = waits.some((each) => each.in.length === 0) ? [] : waits.flatMap((each) => each.in);
      return turn.wait(event, [...new Set(wanted)], Math.max(...waits.map(({ waitMs }) => waitMs)));
    }
    const { name: saga } = this.parts.definition;
    const where =
      turn.found === undefined ? NOT_BEGUN : `the saga is in the step ${JSON.stringify(turn.found.step)}`;
    if (steps.some(({ otherwise }) => otherwise === 'dead'))
      throw deadLetter(
        'INTEGRATION_SAGA_STATE',
        `${event.eventName} cannot be handled by ${called(saga, turn.key)}: ${where}`,
        { saga, key: turn.key, step: turn.found?.step },
      );
    if (turn.found === undefined) throw new SkipEventError(where);
    return turn.skip(causeOf(event), where);
  }

  private async begin(key: unknown, context: SubscriberContext): Promise<SagaTurn> {
    checkKey(this.parts.definition.name, key);
    return SagaTurn.begin(this.parts, key, context);
  }

  /** @throws IntegrationError INTEGRATION_SAGA_INVALID for a key that no saga can have */
  private keyOf({ start, steps, eventName }: HandlersOfName, event: DomainEvent): string | undefined {
    const { name: saga } = this.parts.definition;
    const handlers = start === undefined ? steps : [start, ...steps];
    const keys = [...new Set(handlers.map(({ key }) => key(event)))];
    if (keys.length > 1)
      throw invalidUse(
        `The methods of saga "${saga}" for ${eventName} give different keys for one event. Give them one function as their key`,
        { saga, eventName },
      );
    const [key] = keys;
    if (key === undefined) return undefined;
    checkKey(saga, key, ` of ${event.eventName} (event ${event.outboxEventId})`);
    return key;
  }

  /** The handlers of an event that was kept. Its name had some when it was. */
  private handlersOf({ eventName }: DomainEvent): HandlersOfName {
    const { names, name: saga } = this.parts.definition;
    const exact = names.find((each) => each.eventName === eventName);
    const prefixes = names
      .filter((each) => each.eventName.endsWith('*') && eventName.startsWith(each.eventName.slice(0, -1)))
      .sort((one, other) => other.eventName.length - one.eventName.length);
    const found = exact ?? prefixes[0];
    if (found !== undefined) return found;
    throw deadLetter('INTEGRATION_SAGA_STATE', `Saga "${saga}" has no handler for ${eventName} any more`, {
      saga,
      eventName,
    });
  }

  private refuseOtherTenant(tenantId: string, { tenantId: given, name }: Cause, key: string): void {
    if (tenantId === '' || given === undefined || given === tenantId) return;
    const { name: saga } = this.parts.definition;
    throw deadLetter(
      'INTEGRATION_SAGA_STATE',
      `${name} belongs to another tenant than ${called(saga, key)}: let the key name the tenant as well`,
      { saga, key },
    );
  }
}
