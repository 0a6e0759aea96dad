import { type Run, readRuns } from './journal.js';
import { EFFECTS, EVENTS } from './proof-database.store.js';
import type { ProofDatabase } from './proof-server.js';

/** An event that the database has. */
export interface StoredEvent {
  readonly id: string;
  readonly position: number;
  readonly name: string;
  readonly aggregate: string;
}

/** As much of an event as tells its place among those of its aggregate. */
type Placed = Pick<StoredEvent, 'id' | 'position' | 'aggregate'>;

/** What a consumer did with the events that it wants. */
export interface Verdict {
  readonly wanted: number;
  /** Never handled to the end. */
  readonly lost: number;
  /** Handled to the end, or with an effect, more than once: how many times too often, in all. */
  readonly duplicates: number;
  /** Events whose first handling began, or whose effect came, before their predecessor of the aggregate was done. */
  readonly orderViolations: number;
  /** The first of them, as positions: the predecessor, and the one that overtook it. */
  readonly overtaken: readonly (readonly [number, number])[];
  /** Handled, but not in the database: their commits were lost, or rolled back. */
  readonly strangers: number;
}

export function readEvents(database: ProofDatabase): Promise<StoredEvent[]> {
  return database.query<StoredEvent>(EVENTS);
}

/** A plain consumer, by the journals: a handler that ran to its end has done its work. */
export function judgeRuns(runs: readonly Run[], consumer: string, events: readonly StoredEvent[]): Verdict {
  const firstStart = new Map<string, number>();
  const firstEnd = new Map<string, number>();
  const starts = new Map<string, number>();
  for (const { consumer: by, eventId, startedAt, endedAt } of runs) {
    if (by !== consumer) continue;
    starts.set(eventId, (starts.get(eventId) ?? 0) + 1);
    firstStart.set(eventId, Math.min(firstStart.get(eventId) ?? Number.POSITIVE_INFINITY, startedAt));
    if (endedAt !== undefined)
      firstEnd.set(eventId, Math.min(firstEnd.get(eventId) ?? Number.POSITIVE_INFINITY, endedAt));
  }
  const ids = new Set(events.map((event) => event.id));
  const overtaken = neighbours(events).filter(([before, after]) => {
    const end = firstEnd.get(before.id) ?? Number.POSITIVE_INFINITY;
    return (firstStart.get(after.id) ?? Number.POSITIVE_INFINITY) < end;
  });
  return {
    wanted: events.length,
    lost: events.filter((event) => !firstEnd.has(event.id)).length,
    duplicates: [...starts].reduce((sum, [id, count]) => sum + (ids.has(id) ? count - 1 : 0), 0),
    ...disorder(overtaken),
    strangers: [...starts.keys()].filter((id) => !ids.has(id)).length,
  };
}

/** A transactional consumer, by its effects in the database. */
export async function judgeEffects(
  database: ProofDatabase,
  consumer: string,
  events: readonly StoredEvent[],
): Promise<Verdict> {
  const effects = await database.query<{ eventId: string }>(EFFECTS, [consumer]);
  return judgeArrivals(
    effects.map(({ eventId }) => eventId),
    events,
  );
}

/** Events by their ids, in the order in which they have arrived somewhere. The first arrivals tell the order. */
export function judgeArrivals(arrived: readonly string[], events: readonly Placed[]): Verdict {
  const place = new Map<string, number>();
  for (const [index, id] of arrived.entries()) if (!place.has(id)) place.set(id, index);
  const ids = new Set(events.map((event) => event.id));
  const overtaken = neighbours(events).filter(([before, after]) => {
    const at = place.get(after.id);
    return at !== undefined && at < (place.get(before.id) ?? Number.POSITIVE_INFINITY);
  });
  return {
    wanted: events.length,
    lost: events.filter((event) => !place.has(event.id)).length,
    duplicates: arrived.length - place.size,
    ...disorder(overtaken),
    strangers: [...place.keys()].filter((id) => !ids.has(id)).length,
  };
}

/** Both ways of judging, each for the consumers that it fits. */
export async function judge(
  database: ProofDatabase,
  folder: string,
  consumer: { readonly name: string; readonly kind: string },
  events: readonly StoredEvent[],
): Promise<Verdict> {
  return consumer.kind === 'plain'
    ? judgeRuns(readRuns(folder), consumer.name, events)
    : judgeEffects(database, consumer.name, events);
}

function disorder(
  overtaken: readonly (readonly [Placed, Placed])[],
): Pick<Verdict, 'orderViolations' | 'overtaken'> {
  const positions = overtaken.map(([before, after]) => [before.position, after.position] as const);
  return { orderViolations: positions.length, overtaken: positions.slice(0, 10) };
}

/** Each event with the next one of its aggregate. */
function neighbours(events: readonly Placed[]): [Placed, Placed][] {
  const latest = new Map<string, Placed>();
  const pairs: [Placed, Placed][] = [];
  for (const event of events) {
    const before = latest.get(event.aggregate);
    if (before !== undefined) pairs.push([before, event]);
    latest.set(event.aggregate, event);
  }
  return pairs;
}
