import type { ReadRoute } from './read-routes.js';

/** Ids and names that are in the large database. */
export type Things = Readonly<Record<'event' | 'dead' | 'fingerprint' | 'operation', string>>;

/** One way in which a list may be filtered. */
export interface Filter {
  readonly name: string;
  readonly query: Readonly<Record<string, string>>;
  /** A filter or an order that no index has. Its page looks at a bounded part of all, and more than it shows. */
  readonly looksAtPart?: boolean;
}

/** What every list may have, and no filter is. */
const OF_PAGES = ['limit', 'after'];

/**
 * The filters of each list, with much and with little behind them.
 *
 * @throws Error if a list has a filter that is not here, so that a new one is not forgotten
 */
export function filtersOf({ name, optional, choices, isList }: ReadRoute, things: Things): readonly Filter[] {
  if (!isList) return [];
  const filters = FILTERS(things, choices)[name] ?? [];
  const used = new Set(filters.flatMap(({ query }) => Object.keys(query)));
  const missing = optional.filter((each) => !OF_PAGES.includes(each) && !used.has(each));
  if (missing.length > 0) throw new Error(`no filter of ${name} has ${missing.join(', ')}`);
  return filters;
}

const by = (query: Filter['query'], more: Partial<Filter> = {}): Filter => ({
  name: Object.keys(query).join('-and-'),
  query,
  ...more,
});

const HOUR_MS = 3_600_000;
const hoursAgo = (hours: number) => new Date(Date.now() - hours * HOUR_MS).toISOString();

function FILTERS(
  { event, dead, fingerprint }: Things,
  { state: states = [], order: orders = [] }: ReadRoute['choices'],
): Readonly<Record<string, readonly Filter[]>> {
  const consumer = 'consumer-001';
  return {
    consumers: [
      by({ name: '-001' }),
      by({ paused: 'true' }),
      // For a state or an order, all consumers are read.
      ...states.map((state) => by({ state }, { name: `state-${state}`, looksAtPart: true })),
      ...orders.map((order) => by({ order }, { name: `order-${order}`, looksAtPart: order !== 'name' })),
    ],
    calls: [
      by({ type: 'tts' }),
      by({ status: 'processing' }),
      by({ tenant: 'acme' }),
      by({ group: 'eu' }),
      by({ subjectType: 'book', subjectId: 'b1' }),
      by({ outcomeUnknown: 'true' }, { looksAtPart: true }),
    ],
    sagas: [
      by({ saga: 'order' }),
      by({ status: 'active' }),
      by({ step: 'paying' }),
      by({ tenant: 'acme' }),
      by({ stuck: 'true' }),
    ],
    'entities/{type}/{id}/timeline': [by({ below: '1000' })],
    'consumers/{name}/backlog': states.map((state) => by({ state }, { name: `state-${state}` })),
    events: [
      by({ name: 'thing.event3' }),
      by({ order: 'oldest' }),
      by({ name: 'thing.rare', order: 'oldest' }, { name: 'rare-name-oldest', looksAtPart: true }),
      by({ name: 'thing.*' }, { name: 'beginning' }),
      by({ name: 'thing.rare' }, { name: 'rare-name', looksAtPart: true }),
      by({ module: 'module-1' }),
      by({ name: 'thing.event3', module: 'module-4' }, { looksAtPart: true }),
      by({ aggregateType: 'thing' }),
      by({ aggregateType: 'thing', aggregateId: 'hot' }),
      by({ deduplicationKey: 'key-50' }),
      by({ position: '50' }),
      by({ correlationId: event }, { looksAtPart: true }),
      by({ about: 'hot' }),
      by({ about: 'nothing' }, { name: 'about-nothing', looksAtPart: true }),
      by({ payloadPath: 'n', payloadValue: '-1', from: hoursAgo(1) }, { name: 'payload', looksAtPart: true }),
      by({ from: hoursAgo(1), to: hoursAgo(0.5) }),
      by({ to: hoursAgo(12) }),
      by({ withStatus: 'true' }),
    ],
    'dead-letters': [
      by({ consumer }),
      by({ eventName: 'thing.event1' }),
      by({ eventName: 'thing.rare' }, { name: 'rare-name', looksAtPart: true }),
      by({ consumer, eventName: 'thing.event1' }),
      by({ aggregateType: 'thing', aggregateId: 'hot' }),
      by({ aggregateType: 'thing', aggregateId: 'none' }, { name: 'rare-aggregate', looksAtPart: true }),
      by({ event: dead }),
      by({ position: '1' }),
      by({ fingerprint }),
      by({ consumer, fingerprint }),
    ],
    'dead-letters/groups': [
      by({ consumer }),
      by({ error: 'the other side answered' }, { looksAtPart: true }),
      by({ error: 'nothing' }, { name: 'error-of-none', looksAtPart: true }),
      ...['name', 'size', 'latest'].flatMap((order) => [
        by({ order }, { name: `order-${order}`, looksAtPart: order !== 'name' }),
        by({ consumer, order }, { name: `consumer-and-order-${order}` }),
      ]),
    ],
    processes: [
      by({ text: consumer }),
      by({ text: 'nothing' }, { name: 'text-of-none', looksAtPart: true }),
      by({ alive: 'false' }),
    ],
    operations: [
      ...['done', 'cancelled', 'failed'].map((state) => by({ state }, { name: `state-${state}` })),
      by({ kind: 'redrive' }, { looksAtPart: true }),
      by({ order: 'oldest' }),
      by({ consumer }),
      by({ kind: 'replay', consumer }),
    ],
    'settings/history': [by({ key: 'core.integration.outbox.maxAttempts' })],
    audit: [
      by({ actor: 'person-1' }),
      by({ action: 'consumers.pause' }),
      by({ target: 'consumer/consumer-001' }),
      by({ outcome: 'denied' }),
      by({ outcome: 'failed' }, { name: 'outcome-failed' }),
      by({ actor: 'person-1', outcome: 'denied' }, { looksAtPart: true }),
      by({ from: hoursAgo(2), to: hoursAgo(1) }),
    ],
  };
}
