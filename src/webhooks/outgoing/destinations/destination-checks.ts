import { AUTHOR_FIELDS } from '../../../audit/change-author.js';
import { IntegrationError } from '../../../errors.js';
import { serializePayload } from '../../../events/json-payload.js';
import type { CheckedNetworkRules } from '../../../http/network-rules.js';
import { refusedUrl } from '../../../http/refused-url.js';
import {
  checkChoice,
  checkCount,
  checkNames,
  checkTime,
  invalidArgument,
} from '../../../words/argument-checks.js';
import type { PublicEvents } from '../public/public-events.js';
import { isTakenHeader } from '../sending/taken-headers.js';
import {
  type CreateDestination,
  DESTINATION_FORMATS,
  DESTINATION_ORDERS,
  DESTINATION_SIGNINGS,
  type UpdateDestination,
} from './destination.js';

const LONGEST_URL = 2_047;
const MOST_TYPES = 100;
const MOST_JSON = { maxPayloadBytes: 16_384 };
const MOST_HEADERS = 20;
const LONGEST_HEADER = 100;
const LONGEST_VALUE = 4_096;
const LEAST_RATE = 0.01;
const MOST_RATE = 10_000;
const MOST_IN_FLIGHT = 1_000;
const SHORTEST_TIMEOUT_MS = 100;
const LONGEST_TIMEOUT_MS = 300_000;

const FIELDS = [
  'url',
  'eventTypes',
  'filter',
  'format',
  'headers',
  'order',
  'ratePerSecond',
  'maxInFlight',
  'timeoutMs',
  'metadata',
] as const;

/** What a destination is checked against. */
export interface DestinationRules {
  readonly network: CheckedNetworkRules;
  readonly events: PublicEvents;
}

/** @throws IntegrationError as `TenantDestinations.create` */
export function checkCreate(given: CreateDestination, rules: DestinationRules): void {
  checkNames('a field of a destination', given, [
    ...FIELDS,
    'startFrom',
    'signing',
    'secret',
    ...AUTHOR_FIELDS,
  ]);
  checkFields({ ...given, url: given.url ?? null, eventTypes: given.eventTypes ?? null }, rules);
  if (given.signing !== undefined) checkChoice('signing', given.signing, DESTINATION_SIGNINGS);
  if (given.startFrom !== undefined && given.startFrom !== 'now') checkTime('startFrom', given.startFrom);
}

/** @throws IntegrationError as `TenantDestinations.update` */
export function checkUpdate(given: UpdateDestination, rules: DestinationRules): void {
  checkNames('a field of a destination', given, [...FIELDS, ...AUTHOR_FIELDS]);
  checkFields(given, rules);
}

function checkFields(given: UpdateDestination, { network, events }: DestinationRules): void {
  const { url, eventTypes, filter, format, headers, order, ratePerSecond, maxInFlight, timeoutMs, metadata } =
    given;
  if (url !== undefined) checkUrl(url, network);
  if (eventTypes !== undefined) checkTypes(eventTypes, events);
  if (filter !== undefined && filter !== null) checkJson('filter', filter);
  if (format !== undefined) checkChoice('format', format, DESTINATION_FORMATS);
  if (headers !== undefined) checkHeaders(headers);
  if (order !== undefined) checkChoice('order', order, DESTINATION_ORDERS);
  if (ratePerSecond !== undefined && ratePerSecond !== null) checkRate(ratePerSecond);
  if (maxInFlight !== undefined && maxInFlight !== null)
    checkCount('maxInFlight', maxInFlight, MOST_IN_FLIGHT);
  if (timeoutMs !== undefined && timeoutMs !== null) checkTimeout(timeoutMs);
  if (metadata !== undefined) checkJson('metadata', metadata);
}

function checkUrl(url: unknown, network: CheckedNetworkRules): void {
  const isText = typeof url === 'string' && url.length <= LONGEST_URL;
  const reason = isText
    ? refusedUrl(url, network)
    : `The URL must be a text of at most ${LONGEST_URL} characters`;
  if (reason === undefined) return;
  throw new IntegrationError('INTEGRATION_WEBHOOK_URL_REFUSED', reason, { field: 'url' });
}

function checkTypes(types: unknown, events: PublicEvents): void {
  const isList =
    Array.isArray(types) &&
    types.length > 0 &&
    types.length <= MOST_TYPES &&
    types.every((each) => typeof each === 'string');
  if (!isList)
    throw invalidArgument(`eventTypes must be a list of 1 to ${MOST_TYPES} types of events`, {
      field: 'eventTypes',
    });
  for (const type of types) events.check(type);
}

function checkJson(field: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidArgument(`${field} must be an object`, { field });
  try {
    serializePayload(value, MOST_JSON, field);
  } catch (cause) {
    const { message } = cause as Error;
    throw invalidArgument(message, { field });
  }
}

function checkRate(rate: unknown): void {
  if (typeof rate === 'number' && rate >= LEAST_RATE && rate <= MOST_RATE) return;
  throw invalidArgument(`ratePerSecond must be a number from ${LEAST_RATE} to ${MOST_RATE}`, {
    field: 'ratePerSecond',
  });
}

function checkTimeout(timeoutMs: number): void {
  checkCount('timeoutMs', timeoutMs, LONGEST_TIMEOUT_MS);
  if (timeoutMs >= SHORTEST_TIMEOUT_MS) return;
  throw invalidArgument(`timeoutMs must be at least ${SHORTEST_TIMEOUT_MS}`, { field: 'timeoutMs' });
}

const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The messages do not contain values, which are secrets. */
function checkHeaders(headers: unknown): void {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers))
    throw invalidArgument('headers must be an object of names and values', { field: 'headers' });
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  if (names.length > MOST_HEADERS)
    throw invalidArgument(`headers has more than ${MOST_HEADERS} names`, { field: 'headers' });
  for (const [given, value] of Object.entries(headers)) {
    const name = given.toLowerCase();
    const problem = problemOfHeader(name, value) ?? (isTwice(name, names) ? 'is there twice' : undefined);
    if (problem !== undefined)
      throw invalidArgument(`headers: ${JSON.stringify(given.slice(0, LONGEST_HEADER))} ${problem}`, {
        field: 'headers',
      });
  }
}

function problemOfHeader(name: string, value: unknown): string | undefined {
  if (!NAME.test(name) || name.length > LONGEST_HEADER) return 'is not the name of a header';
  if (isTakenHeader(name))
    return 'is a header that the sender sets itself, or that belongs to the connection';
  const isValue =
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= LONGEST_VALUE &&
    value.trim() === value &&
    VALUE.test(value);
  return isValue
    ? undefined
    : `needs a value of 1 to ${LONGEST_VALUE} characters that a header can have, without spaces around it`;
}

function isTwice(name: string, names: readonly string[]): boolean {
  return names.indexOf(name) !== names.lastIndexOf(name);
}
