import type { AnyEventContract } from '../../../contracts/event-contract.js';
import { IntegrationError } from '../../../errors.js';
import { EVENT_TEXT_LIMITS } from '../../../events/event-limits.js';
import { nearestName } from '../../../words/known-names.js';
import { problemOfName, problemOfText } from '../../../words/text.js';
import { asksFor, EVERY_TYPE, namesOfType } from './event-types.js';

/** An event that leaves the application. */
export interface PublicEvent {
  readonly type: string;
  /** The newest version. */
  readonly contract: AnyEventContract;
}

/** The events of this process whose newest contract is public, by the type that receivers see. */
export class PublicEvents {
  private readonly byName = new Map<string, PublicEvent>();
  private readonly byType = new Map<string, PublicEvent>();

  /**
   * @param newest the newest contract of each event
   * @throws IntegrationError INTEGRATION_OPTIONS_INVALID for a type that is no name, or that two events have
   */
  constructor(newest: readonly AnyEventContract[]) {
    for (const contract of newest) {
      if (contract.visibility !== 'public') continue;
      const event = { type: typeOf(contract), contract };
      const other = this.byType.get(event.type);
      if (other !== undefined) throw sameType(event, other);
      this.byType.set(event.type, event);
      this.byName.set(contract.name, event);
    }
  }

  /** All of them, by type. */
  all(): PublicEvent[] {
    return [...this.byType.values()].sort((a, b) => (a.type < b.type ? -1 : 1));
  }

  ofName(eventName: string): PublicEvent | undefined {
    return this.byName.get(eventName);
  }

  /** The names of the events that somebody gets who asked for these types. */
  namesFor(eventTypes: readonly string[]): string[] {
    return this.all()
      .filter(({ type }) => asksFor(eventTypes, type))
      .map(({ contract }) => contract.name);
  }

  /**
   * Checks what a destination asks for: a type, a prefix of types with `.*` behind it, or `*`.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC with the nearest type (`details.nearest`)
   */
  check(eventType: string): void {
    const types = [...this.byType.keys()];
    if (eventType === EVERY_TYPE || this.byType.has(eventType)) return;
    if (eventType.endsWith('.*') && types.some((type) => namesOfType(type).includes(eventType))) return;
    throw notPublic(eventType, types);
  }
}

function typeOf({ name, webhook }: AnyEventContract): string {
  const type: unknown = webhook?.type ?? name;
  const problem =
    problemOfText(type, EVENT_TEXT_LIMITS.eventName) ??
    problemOfName(type as string) ??
    (String(type).includes('*') ? 'must be one type, not a pattern' : undefined);
  if (problem === undefined) return type as string;
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `The contract of ${JSON.stringify(name)} is invalid: webhook.type ${problem}`,
    { eventName: name },
  );
}

function sameType({ type, contract }: PublicEvent, other: PublicEvent): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `The contracts of ${JSON.stringify(other.contract.name)} and ${JSON.stringify(contract.name)} have the same type of webhooks, ${JSON.stringify(type)}: receivers could not tell them apart. Give one of them another webhook.type`,
    { type, eventNames: [other.contract.name, contract.name] },
  );
}

function notPublic(eventType: string, types: readonly string[]): IntegrationError {
  const patterns = types.flatMap(namesOfType).filter((name) => name.endsWith('.*'));
  const nearest = nearestName(eventType, eventType.endsWith('*') ? [...new Set(patterns)] : types);
  const meant = nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
  return new IntegrationError(
    'INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC',
    `No event with a public contract is ${JSON.stringify(eventType.slice(0, 255))}${meant}. Only such events leave the application: set visibility: 'public' in the contract, or ask for another type`,
    { eventType, nearest: nearest ?? null },
  );
}
