import type { InboxFilter } from '../../inbox/inbox-record.js';

/** How the audit names a consumer. */
export function consumerTarget(consumerName: string): string {
  return `consumer/${consumerName}`;
}

/** How the audit names the events that a filter chooses: by their consumer, if it names one. */
export function eventsTarget({ consumerName, position, outboxEventId }: InboxFilter): string {
  if (consumerName === undefined) return 'consumers';
  const event = position ?? outboxEventId;
  return event === undefined
    ? consumerTarget(consumerName)
    : `${consumerTarget(consumerName)}/event/${event}`;
}
