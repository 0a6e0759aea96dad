import type { OutboxEvent, OutboxEventFilter } from './outbox-event.js';

/** An event without its payload. */
export type EventHead = Omit<OutboxEvent, 'payload'>;

/** Chooses events of a search. An event must match every given field. */
export interface EventSearchFilter extends OutboxEventFilter {
  /** The event at this position. */
  position?: number | undefined;
  /**
   * The id of a correlation. If it is the id of an event, which is then the first one, the search looks at
   * the 100,000 positions from that event on.
   */
  correlationId?: string | undefined;
  /** The name of the event, the id of its aggregate whatever its type, or the id of its correlation. */
  about?: string | undefined;
  /**
   * Where a value stands in the payload: `customer.id`, `lines.0.sku`. It needs `payloadValue` and `from`.
   */
  payloadPath?: string | undefined;
  /** The value there, as text: `42`, `true`, `EUR`. */
  payloadValue?: string | undefined;
}

/** Which events a search begins with. */
export const EVENT_ORDERS = ['latest', 'oldest'] as const;
export type EventOrder = (typeof EVENT_ORDERS)[number];

/** One page of a search. */
export interface EventSearchResult {
  items: EventHead[];
  /**
   * Pass it as `before` for the next page, or as `after` with the oldest first. Null once the other end of
   * the log was reached.
   */
  next: number | null;
  /**
   * The lowest position that this page has looked at, or the highest with the oldest first. A page looks at
   * 100,000 positions at most, and at 10,000 where it reads payloads. So it may be empty although there are
   * more events that match.
   */
  scannedTo: number;
  progress: SearchProgress;
}

/** How far a search has come, from where the first event that it may find would be. */
export interface SearchProgress {
  /** How many positions were looked at, with those of the pages before. */
  looked: number;
  /** How many the whole search looks at. */
  of: number;
  /** The same for a person: `looked at 100,000 of 350,000 positions, back to position 250,001`. */
  sentence: string;
}

/** Chooses a page of a search. */
export interface EventSearchPage {
  /** Number of events, from 1 to 1000. The default is 50. */
  limit?: number | undefined;
  /** Which come first: the latest by default. */
  order?: EventOrder | undefined;
  /** Only events at lower positions: the `next` of the page before. */
  before?: number | undefined;
  /** Only events at higher positions: the `next` of the page before, with the oldest first. */
  after?: number | undefined;
}

/** A page that goes on behind a position. */
export function pageBehind(
  order: EventOrder | undefined,
  position: number | undefined,
): Pick<EventSearchPage, 'order' | 'before' | 'after'> {
  return order === 'oldest' ? { order, after: position } : { order, before: position };
}

/** How a search that goes on by itself is followed and stopped. */
export interface SearchFollower {
  signal: AbortSignal;
  /** Is told after each part that another one follows. */
  looked: (progress: SearchProgress) => void;
}

/** An event and its payload as the database writes it, so that numbers keep every digit. */
export interface EventWithPayloadText {
  event: EventHead;
  payload: string;
}

/** An event and its metadata as the database writes it, so that numbers keep every digit. */
export interface EventWithMetadataText {
  event: EventHead;
  metadata: string;
}

/** The events of one correlation, the oldest first. */
export interface EventChain {
  correlationId: string;
  /** At most 200 events. */
  items: EventHead[];
  /** The positions that were looked at. Events of the chain at other positions are not among the items. */
  scannedFrom: number;
  scannedTo: number;
  /** Whether there are more than 200. */
  hasMore: boolean;
}
