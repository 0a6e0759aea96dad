import { checkNames, checkText, checkTime } from '../words/argument-checks.js';
import type { OutboxEventFilter } from './outbox-event.js';

const FIELDS = [
  'eventName',
  'sourceModule',
  'aggregateType',
  'aggregateId',
  'deduplicationKey',
  'correlationId',
  'from',
  'to',
] as const satisfies (keyof OutboxEventFilter)[];

/** @throws IntegrationError INTEGRATION_ADMIN_INVALID for a filter that makes no sense */
export function checkOutboxFilter(filter: OutboxEventFilter): void {
  checkNames('a field of the filter', filter, FIELDS);
  const { from, to, ...texts } = filter;
  for (const [field, value] of Object.entries(texts)) checkText(field, value);
  for (const [field, value] of Object.entries({ from, to })) checkTime(field, value);
}
