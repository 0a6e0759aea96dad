import { IntegrationError } from '../errors.js';
import { problemOfUnknownName } from '../words/known-names.js';
import { isUuid, isVisibleAscii, problemOfName, problemOfText } from '../words/text.js';
import type { DomainEventInput } from './domain-event.js';
import { EVENT_TEXT_LIMITS } from './event-limits.js';
import { problemOfInstance } from './json-values.js';

const MAX_VERSION = 2_147_483_647;
/**
 * Postgres reads ISO dates with a year of four digits only, and nobody delays an event beyond these years.
 */
const LATEST = Date.UTC(9999, 11, 31);
const REQUIRED = ['eventName', 'sourceModule', 'aggregateType', 'aggregateId'] as const;

/** The compiler reports an error here if a field is missing. */
const FIELDS: { readonly [F in keyof Required<DomainEventInput>]: true } = {
  eventName: true,
  sourceModule: true,
  aggregateType: true,
  aggregateId: true,
  payload: true,
  metadata: true,
  eventVersion: true,
  availableAt: true,
  delayMs: true,
  deduplicationKey: true,
  id: true,
};
const KNOWN_FIELDS: readonly string[] = Object.keys(FIELDS);
const IS_FIELD = new Set(KNOWN_FIELDS);
const OPTIONS_OF_PUBLISHING = ['persistenceClient', 'outsideTransaction'];

/** The fields of a `DomainEventInput` besides payload and metadata, as untyped code may give them. */
interface UncheckedEvent {
  readonly [field: string]: unknown;
}

/**
 * Checks every field of an event except its JSON.
 *
 * @param prefix stands before the field names in the message (`events[2].`)
 * @throws IntegrationError INTEGRATION_EVENT_INVALID, which names every field with a problem
 */
export function validateEvent(event: unknown, prefix = ''): void {
  if (isOrdinary(event)) return;
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    throw invalid([[prefix === '' ? 'event' : prefix.slice(0, -1), 'must be an object']]);
  }
  const unchecked = event as UncheckedEvent;
  const problems: [string, string][] = [];
  const note = (field: string, problem: string | undefined) => {
    if (problem !== undefined) problems.push([prefix + field, problem]);
  };
  for (const field of REQUIRED) {
    const value = unchecked[field];
    const ofName = field === 'eventName' && typeof value === 'string' ? problemOfName(value) : undefined;
    note(field, problemOfText(value, EVENT_TEXT_LIMITS[field]) ?? ofName);
  }
  const { id, eventVersion, deduplicationKey, metadata } = unchecked;
  if (id !== undefined && !isUuid(id)) note('id', 'must be a uuid');
  if (eventVersion !== undefined) note('eventVersion', problemOfVersion(eventVersion));
  if (deduplicationKey !== undefined) {
    note('deduplicationKey', problemOfText(deduplicationKey, EVENT_TEXT_LIMITS.deduplicationKey));
  }
  if (metadata !== undefined) note('metadata', problemOfMetadata(metadata));
  noteAvailability(unchecked, note);
  for (const [name, value] of Object.entries(unchecked)) {
    if (value !== undefined && !IS_FIELD.has(name)) note(name, problemOfForeignField(name));
  }
  if (problems.length > 0) throw invalid(problems);
}

/**
 * Checks the names that a publisher always uses.
 *
 * @throws IntegrationError INTEGRATION_EVENT_INVALID, which names every field with a problem
 */
export function validateSource(sourceModule: unknown, aggregateType: unknown): void {
  const problems = Object.entries({ sourceModule, aggregateType }).flatMap(
    ([field, value]): [string, string][] => {
      const problem = problemOfText(value, EVENT_TEXT_LIMITS[field as 'sourceModule' | 'aggregateType']);
      return problem === undefined ? [] : [[field, problem]];
    },
  );
  if (problems.length > 0) throw invalid(problems);
}

/**
 * Whether the event has four texts in visible ASCII and nothing else that needs a check. Most events do. Each
 * field of the other events is checked.
 */
function isOrdinary(event: unknown): boolean {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return false;
  const { eventName, sourceModule, aggregateType, aggregateId } = event as UncheckedEvent;
  const { id, eventVersion, deduplicationKey, metadata, availableAt, delayMs } = event as UncheckedEvent;
  for (const name in event) if (!IS_FIELD.has(name)) return false;
  return (
    fits(eventName, EVENT_TEXT_LIMITS.eventName) &&
    fits(sourceModule, EVENT_TEXT_LIMITS.sourceModule) &&
    fits(aggregateType, EVENT_TEXT_LIMITS.aggregateType) &&
    fits(aggregateId, EVENT_TEXT_LIMITS.aggregateId) &&
    id === undefined &&
    eventVersion === undefined &&
    deduplicationKey === undefined &&
    metadata === undefined &&
    availableAt === undefined &&
    delayMs === undefined
  );
}

function fits(text: unknown, max: number): boolean {
  return typeof text === 'string' && text.length <= max && isVisibleAscii(text);
}

function problemOfVersion(version: unknown): string | undefined {
  const fits = Number.isInteger(version) && (version as number) >= 1 && (version as number) <= MAX_VERSION;
  return fits ? undefined : 'must be a whole number from 1';
}

function problemOfMetadata(metadata: unknown): string | undefined {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    return 'must be an object';
  return problemOfInstance(metadata);
}

/**
 * Unknown fields are refused because nobody would notice that they have no effect, such as a misspelt delay
 * or a transaction in the wrong place.
 */
function problemOfForeignField(name: string): string {
  if (OPTIONS_OF_PUBLISHING.includes(name))
    return 'is not a field of an event: pass it in the argument behind the event';
  return problemOfUnknownName(name, { known: KNOWN_FIELDS, kind: 'a field of an event' }).slice(
    name.length + 1,
  );
}

function noteAvailability(event: UncheckedEvent, note: (field: string, problem: string) => void): void {
  const { availableAt, delayMs } = event;
  if (availableAt !== undefined) {
    const time = availableAt instanceof Date ? availableAt.getTime() : Number.NaN;
    if (!(time >= 0 && time <= LATEST)) note('availableAt', 'must be a valid Date between 1970 and 9999');
    if (delayMs !== undefined) note('delayMs', 'cannot be given together with availableAt');
  } else if (delayMs !== undefined) {
    const fits = typeof delayMs === 'number' && delayMs >= 0 && delayMs <= LATEST - Date.now();
    if (!fits) note('delayMs', 'must be a number of milliseconds, not negative');
  }
}

function invalid(problems: readonly [field: string, problem: string][]): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_EVENT_INVALID',
    `The event cannot be published: ${problems.map(([field, problem]) => `${field} ${problem}`).join('; ')}`,
    { fields: problems.map(([field]) => field) },
  );
}
