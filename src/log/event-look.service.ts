import { Injectable } from '@nestjs/common';
import {
  checkChoice,
  checkNames,
  checkPosition,
  checkText,
  invalidArgument,
  pageSizeOf,
} from '../words/argument-checks.js';
import { isUuid } from '../words/text.js';
import {
  EVENT_ORDERS,
  type EventChain,
  type EventHead,
  type EventSearchFilter,
  type EventSearchPage,
  type EventSearchResult,
  type EventWithMetadataText,
  type EventWithPayloadText,
  pageBehind,
  type SearchFollower,
} from './event-look.js';
import { EventLookStore, type Stretch } from './event-look.store.js';
import type { OutboxEventFilter } from './outbox-event.js';
import { checkOutboxFilter } from './outbox-filter-checks.js';
import { progressOf } from './search-progress.js';

/** How many positions one call looks at. */
const SCANNED_AT_ONCE = 100_000;
/** How many where payloads are read: each may be long, and lies apart from its row. */
const PAYLOADS_AT_ONCE = 10_000;
/** How many events a chain has at most. */
const LONGEST_CHAIN = 200;
/**
 * How far positions and times of events may differ in their order, because transactions take their time.
 */
const DISORDER_MS = 5 * 60_000;

/** A search, and where in the log its events can be. */
interface SearchPlan {
  readonly filter: EventSearchFilter;
  /** Whether an index finds all of them at once. */
  readonly isIndexed: boolean;
  readonly whole: Stretch;
}

const PAGE_FIELDS = ['limit', 'order', 'before', 'after'] as const satisfies (keyof EventSearchPage)[];

/**
 * Looks events up for people, in bounded time whatever the size of the log and whatever the filter. It
 * returns no payloads, except that of one event.
 */
@Injectable()
export class EventLookService {
  constructor(private readonly store: EventLookStore) {}

  /**
   * Searches from the newest event to the oldest, or the other way round. A filter by one aggregate or by a
   * deduplication key finds all events at once, and so does one by a correlation where the log has its
   * optional index. Any other filter looks at 100,000 positions in each call, and says how far it came.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for a filter or page that makes no sense
   */
  async search(given: EventSearchFilter = {}, page: EventSearchPage = {}): Promise<EventSearchResult> {
    const plan = await this.planOf(given, page);
    return this.part(plan, pageSizeOf(page.limit), page);
  }

  /**
   * Searches on until the page is full, the search has ended, or `signal` aborts. Each statement is as
   * bounded as that of one call. After an abort, `next` says where to go on. Where the log ends is asked
   * once, so events that are written meanwhile are not found.
   */
  async searchOn(
    filter: EventSearchFilter,
    page: EventSearchPage,
    { signal, looked }: SearchFollower,
  ): Promise<EventSearchResult> {
    const plan = await this.planOf(filter, page);
    const limit = pageSizeOf(page.limit);
    let last = await this.part(plan, limit, page);
    const items = [...last.items];
    while (last.next !== null && items.length < limit && !signal.aborted) {
      looked(last.progress);
      last = await this.part(plan, limit - items.length, pageBehind(page.order, last.next));
      items.push(...last.items);
    }
    return { ...last, items };
  }

  /** Checks a search, and asks where in the log its events can be. */
  private async planOf(given: EventSearchFilter, page: EventSearchPage): Promise<SearchPlan> {
    const { position, ...filter } = given;
    checkSearch(filter, page);
    checkPosition('position', position);
    const isIndexed = await this.hasIndex(filter);
    const whole = narrowed(
      await this.bounds(filter),
      ...(position === undefined ? [] : [{ low: position, high: position + 1 }]),
      ...(isIndexed ? [] : await this.stretchOf(filter.correlationId)),
    );
    return { filter, isIndexed, whole };
  }

  /** Looks at as much of the log as one call looks at. */
  private async part(
    { filter, isIndexed, whole }: SearchPlan,
    limit: number,
    page: EventSearchPage,
  ): Promise<EventSearchResult> {
    const most = filter.payloadPath === undefined ? SCANNED_AT_ONCE : PAYLOADS_AT_ONCE;
    const { order = 'latest' } = page;
    const { stretch, end, next } = partOf(whole, page, isIndexed ? Number.POSITIVE_INFINITY : most);
    const upto = (items: EventHead[], scannedTo: number, next: number | null) => ({
      items,
      next,
      scannedTo,
      progress: progressOf(whole, scannedTo, order),
    });
    if (stretch.low >= stretch.high) return upto([], end, null);
    const found = await this.store.findHeads(filter, stretch, limit + 1, order);
    const items = found.slice(0, limit);
    if (found.length <= limit) return upto(items, end, next);
    const last = items.at(-1)?.position ?? end;
    return upto(items, last, last);
  }

  /** The event without its payload. Undefined if the log does not have it, or no longer. */
  async head(id: string): Promise<EventHead | undefined> {
    return isUuid(id) ? this.store.findHead(id) : undefined;
  }

  /**
   * The event without its payload, and its metadata as text, where numbers have every digit. Undefined if the
   * log does not have it, or no longer.
   */
  async withMetadataText(id: string): Promise<EventWithMetadataText | undefined> {
    const found = isUuid(id) ? await this.store.findWithMetadataText(id) : undefined;
    if (found === undefined) return undefined;
    const { metadataText, ...event } = found;
    return { event, metadata: metadataText };
  }

  /** The event with its payload as text. Undefined if the log does not have it, or no longer. */
  async withPayloadText(id: string): Promise<EventWithPayloadText | undefined> {
    const found = isUuid(id) ? await this.store.findWithPayload(id) : undefined;
    if (found === undefined) return undefined;
    const { payloadText, ...event } = found;
    return { event, payload: payloadText };
  }

  /**
   * The events that belong together with this one. A correlation whose id is that of its first event is
   * looked for from that event on. For any other id, the neighbourhood of the event is looked at. Either is
   * 100,000 positions long. Undefined if the log does not have the event.
   */
  async chainOf(id: string): Promise<EventChain | undefined> {
    const event = await this.head(id);
    if (event === undefined) return undefined;
    const { correlationId: given } = event.metadata;
    const correlationId = typeof given === 'string' ? given : event.outboxEventId;
    const root = isUuid(correlationId) ? await this.store.findHead(correlationId) : undefined;
    const from = root?.position ?? Math.max(1, event.position - SCANNED_AT_ONCE / 2);
    const stretch = { low: from, high: from + SCANNED_AT_ONCE };
    const found = await this.store.findCorrelated(correlationId, stretch, LONGEST_CHAIN + 1);
    const { high } = await this.bounds({});
    return {
      correlationId,
      items: found.slice(0, LONGEST_CHAIN),
      scannedFrom: stretch.low,
      // Nobody has looked where the log has nothing yet.
      scannedTo: Math.max(event.position, Math.min(stretch.high, high) - 1),
      hasMore: found.length > LONGEST_CHAIN,
    };
  }

  private async hasIndex(filter: EventSearchFilter): Promise<boolean> {
    const { aggregateType, aggregateId, deduplicationKey, correlationId, payloadPath } = filter;
    if (deduplicationKey !== undefined) return true;
    // An aggregate may have any number of events: their payloads are read in parts, as others are.
    if (payloadPath !== undefined) return false;
    if (aggregateType !== undefined && aggregateId !== undefined) return true;
    return correlationId !== undefined && (await this.store.hasCorrelationIndex());
  }

  /** Where the events of a correlation are, if it is known. */
  private async stretchOf(correlationId: string | undefined): Promise<Stretch[]> {
    const root =
      correlationId !== undefined && isUuid(correlationId)
        ? await this.store.findHead(correlationId)
        : undefined;
    return root === undefined ? [] : [{ low: root.position, high: root.position + SCANNED_AT_ONCE }];
  }

  /** The part of the log that can hold what is searched for. */
  private async bounds({ from, to }: OutboxEventFilter): Promise<Stretch> {
    const whole = await this.store.extent();
    const low = from === undefined ? whole.low : await this.store.positionAt(shifted(from, -1), whole);
    const high = to === undefined ? whole.high : await this.store.positionAt(shifted(to, 1), whole);
    return { low, high };
  }
}

function checkSearch(given: EventSearchFilter, page: EventSearchPage): void {
  const { about, payloadPath, payloadValue, ...filter } = given;
  checkOutboxFilter(filter);
  for (const [field, value] of Object.entries({ about, payloadPath, payloadValue })) checkText(field, value);
  if ((payloadPath === undefined) !== (payloadValue === undefined))
    throw invalidArgument('A search in payloads needs a path and a value');
  if (payloadPath !== undefined && filter.from === undefined)
    throw invalidArgument('A search in payloads needs a time from which on it looks');
  checkNames('a field of the page', page, PAGE_FIELDS);
  checkPosition('before', page.before);
  checkPosition('after', page.after);
  if (page.order !== undefined) checkChoice('order', page.order, EVENT_ORDERS);
  const wrong = page.order === 'oldest' ? 'before' : 'after';
  if (page[wrong] !== undefined)
    throw invalidArgument(`${wrong} belongs to the other order`, { field: wrong });
}

/** The part of a stretch that one page looks at, its last position, and where another page goes on. */
function partOf(
  whole: Stretch,
  { order, before = whole.high, after = whole.low - 1 }: EventSearchPage,
  most: number,
): { readonly stretch: Stretch; readonly end: number; readonly next: number | null } {
  if (order === 'oldest') {
    const low = Math.max(whole.low, after + 1);
    const high = Math.min(whole.high, low + most);
    return { stretch: { low, high }, end: high - 1, next: high < whole.high ? high - 1 : null };
  }
  const high = Math.min(whole.high, before);
  const low = Math.max(whole.low, high - most);
  return { stretch: { low, high }, end: low, next: low > whole.low ? low : null };
}

/** The part that all stretches have in common. */
function narrowed(...stretches: readonly Stretch[]): Stretch {
  return {
    low: Math.max(...stretches.map(({ low }) => low)),
    high: Math.min(...stretches.map(({ high }) => high)),
  };
}

/** Times at the ends of what a Date can hold stay there. */
function shifted(time: Date, direction: 1 | -1): Date {
  const moved = new Date(time.getTime() + direction * DISORDER_MS);
  const year = moved.getUTCFullYear();
  return year >= 1 && year <= 9_999 ? moved : time;
}
