import type { CreateDestination, UpdateDestination, WebhookDestination } from './destination.js';
import type { DestinationRow } from './destination.store.js';

/** The row of a new destination. */
export function newRow(
  given: CreateDestination,
  { id, tenantId }: Pick<WebhookDestination, 'id' | 'tenantId'>,
): DestinationRow {
  return {
    id,
    tenantId,
    url: given.url,
    eventTypes: [...new Set(given.eventTypes)],
    filter: given.filter ?? null,
    format: given.format ?? 'standard',
    signing: given.signing ?? 'v1',
    order: given.order ?? 'none',
    ratePerSecond: given.ratePerSecond ?? null,
    maxInFlight: given.maxInFlight ?? null,
    timeoutMs: given.timeoutMs ?? null,
    headers: namesOf(given.headers ?? {}),
    metadata: given.metadata ?? {},
  };
}

/** The row with what somebody changes of it. */
export function changedRow(before: WebhookDestination, given: UpdateDestination): DestinationRow {
  const { headers, eventTypes } = given;
  const changes = Object.fromEntries(
    FIELDS.filter((field) => given[field] !== undefined).map((field) => [field, given[field]]),
  );
  return {
    ...before,
    ...changes,
    ...(eventTypes === undefined ? {} : { eventTypes: [...new Set(eventTypes)] }),
    ...(headers === undefined ? {} : { headers: namesOf(headers) }),
  };
}

const FIELDS = [
  'url',
  'filter',
  'format',
  'order',
  'ratePerSecond',
  'maxInFlight',
  'timeoutMs',
  'metadata',
] as const;

/** What the audit keeps of a destination. */
export function viewOf(destination: WebhookDestination): object {
  const { id: _, createdAt: __, behindFrom: ___, ...view } = destination;
  return view;
}

function namesOf(headers: Readonly<Record<string, string>>): string[] {
  return Object.keys(headers)
    .map((name) => name.toLowerCase())
    .sort();
}
