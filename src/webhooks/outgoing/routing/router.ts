import { sqlStateOf } from '../../../database/connection/connection-loss.js';
import { INSUFFICIENT_PRIVILEGE } from '../../../database/connection/sql-states.js';
import type { EngineDatabase } from '../../../database/engine-database.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import { isKeptWaiting } from '../../../delivery/execution/infrastructure-failure.js';
import { PostponeError, UnavailableError, messageOf as wordsOf } from '../../../errors.js';
import { namesOfType } from '../public/event-types.js';
import type { TextEvent } from '../public/rendered-event.js';
import {
  type EventRules,
  type FailedEvent,
  isFor,
  type LeavingEvent,
  leavingOf,
  messageOf,
} from './leaving-events.js';
import {
  type Candidate,
  isRouted,
  type Message,
  type Pair,
  type RoutingStore,
  type Skip,
} from './routing.store.js';

/** How many rows one transaction of the router writes at most. */
export const MOST_ROWS = 50_000;
/** How long an event waits that only another release can route, in milliseconds. */
const POSTPONED_MS = 5_000;
/** How often a transaction is tried that others get in the way of. */
const MOST_TRIES = 3;
/** More events than this are not remembered, so that a process that loses its lease keeps no more of them. */
const MOST_REMEMBERED = 10_000;

export interface RouterParts extends EventRules {
  readonly db: Pick<EngineDatabase, 'transaction'>;
  readonly store: RoutingStore;
  /** How many destinations one event may have. */
  readonly mostDestinations: () => number;
}

/**
 * Writes a row for each event and each destination that asks for it. A repetition writes nothing, because the
 * key of a row is its destination and its position.
 */
export class Router {
  /** The ids of events of a batch in which others failed. They are routed, and come again one by one. */
  private readonly routed = new Set<string>();

  constructor(private readonly parts: RouterParts) {}

  /**
   * Routes a batch. Events that cannot be routed do not hold up the others: those are committed before this
   * rejects, and need no work when the engine gives them again, one by one.
   *
   * @throws what a function of the application throws; PostponeError for events that are public in another
   * release alone; UnavailableError if others get in the way again and again, which counts no attempt
   */
  async route(given: readonly TextEvent[]): Promise<void> {
    const events = given.filter(({ outboxEventId }) => !this.routed.delete(outboxEventId));
    const unknown = await this.publicElsewhere(events);
    const { leaving, failed } = leavingOf(events, this.parts);
    for (const portion of this.portionsOf(leaving)) failed.push(...(await this.write(portion)));
    const [first] = [...failed, ...unknown];
    if (first === undefined) return;
    if (given.length > 1) this.remember(events, [...failed, ...unknown]);
    throw first.error;
  }

  /** Events that a newer release knows to be public. Settled here, they would have no rows. */
  private async publicElsewhere(events: readonly TextEvent[]): Promise<FailedEvent[]> {
    const known = this.parts.events();
    const others = events.filter(({ eventName }) => known.ofName(eventName) === undefined);
    if (others.length === 0) return [];
    const names = [...new Set(others.map(({ eventName }) => eventName))];
    const { db, store } = this.parts;
    const elsewhere = new Set(await db.transaction((session) => store.publicNames(session, names)));
    return others
      .filter(({ eventName }) => elsewhere.has(eventName))
      .map((event) => ({ event, error: new PostponeError(POSTPONED_MS, reasonOf(event.eventName)) }));
  }

  private *portionsOf(leaving: readonly LeavingEvent[]): Iterable<readonly LeavingEvent[]> {
    const most = Math.max(1, Math.floor(MOST_ROWS / this.parts.mostDestinations()));
    for (let first = 0; first < leaving.length; first += most) yield leaving.slice(first, first + most);
  }

  /** Returns the events that a function of the application has failed for. */
  private async write(leaving: readonly LeavingEvent[]): Promise<FailedEvent[]> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.parts.db.transaction((session) => this.writeWithin(session, leaving));
      } catch (error) {
        const state = sqlStateOf(error) ?? '';
        if (state === INSUFFICIENT_PRIVILEGE) throw withoutRight(error);
        if (!isKeptWaiting(state)) throw error;
        if (tries === MOST_TRIES)
          throw new UnavailableError('the rows of destinations are held by others', { cause: error });
      }
    }
  }

  private async writeWithin(
    session: EngineSession,
    leaving: readonly LeavingEvent[],
  ): Promise<FailedEvent[]> {
    const { store } = this.parts;
    const candidates = await store.candidates(session, ...askedNames(leaving));
    // Those that are off first, and each of them again as it is under the lock.
    const locked = await store.lockOff(
      session,
      candidates.filter((each) => !isRouted(each)),
    );
    await store.skip(
      session,
      skipsOf(
        leaving,
        locked.filter((each) => !isRouted(each)),
      ),
    );
    const on = await store.lockOn(session, [...candidates.filter(isRouted), ...locked.filter(isRouted)]);
    const { pairs, failed } = this.pairsOf(leaving, on);
    await store.write(session, [
      ...pairs.filter(({ isFiltering }) => !isFiltering),
      ...(await store.passing(
        session,
        pairs.filter(({ isFiltering }) => isFiltering),
      )),
    ]);
    return failed;
  }

  /** What is written of each event. Its body is made once, and only if somebody gets it. */
  private pairsOf(
    leaving: readonly LeavingEvent[],
    destinations: readonly Candidate[],
  ): { pairs: (Pair & { isFiltering: boolean })[]; failed: FailedEvent[] } {
    const pairs: (Pair & { isFiltering: boolean })[] = [];
    const failed: FailedEvent[] = [];
    const byTenant = ofTenants(destinations);
    for (const each of leaving) {
      const ofTenant = byTenant.get(each.tenantId) ?? [];
      const receivers = ofTenant.filter((destination) => isFor(each, destination));
      if (receivers.length === 0) continue;
      const message = this.messageOrFailure(each);
      if ('error' in message) failed.push(message);
      else
        pairs.push(
          ...receivers.map(({ id: destinationId, isFiltering }) => ({ destinationId, message, isFiltering })),
        );
    }
    return { pairs, failed };
  }

  private messageOrFailure(leaving: LeavingEvent): Message | FailedEvent {
    try {
      return messageOf(leaving, this.parts);
    } catch (error) {
      return { event: leaving.event, error };
    }
  }

  private remember(events: readonly TextEvent[], failed: readonly FailedEvent[]): void {
    if (this.routed.size > MOST_REMEMBERED) this.routed.clear();
    const ids = new Set(failed.map(({ event }) => event.outboxEventId));
    for (const { outboxEventId } of events) if (!ids.has(outboxEventId)) this.routed.add(outboxEventId);
  }
}

/** The names that destinations may have asked for, each with its tenant, in two lists of one length. */
function askedNames(leaving: readonly LeavingEvent[]): [tenantIds: string[], names: string[]] {
  const asked = new Map(
    leaving.flatMap(({ tenantId, of }) =>
      namesOfType(of.type).map((name) => [JSON.stringify([tenantId, name]), { tenantId, name }] as const),
    ),
  );
  return [[...asked.values()].map(({ tenantId }) => tenantId), [...asked.values()].map(({ name }) => name)];
}

/** The lowest position that each of these destinations is not given. */
function skipsOf(leaving: readonly LeavingEvent[], off: readonly Candidate[]): Skip[] {
  const lowest = new Map<string, Skip>();
  const byTenant = ofTenants(off);
  for (const each of leaving) {
    const { position } = each.event;
    for (const destination of byTenant.get(each.tenantId) ?? []) {
      if (!isFor(each, destination) || (lowest.get(destination.id)?.position ?? position + 1) <= position)
        continue;
      const { id, tenantId } = destination;
      lowest.set(id, { destinationId: id, tenantId, position });
    }
  }
  return [...lowest.values()];
}

function ofTenants(destinations: readonly Candidate[]): ReadonlyMap<string, readonly Candidate[]> {
  const byTenant = new Map<string, Candidate[]>();
  for (const destination of destinations) {
    const others = byTenant.get(destination.tenantId);
    if (others === undefined) byTenant.set(destination.tenantId, [destination]);
    else others.push(destination);
  }
  return byTenant;
}

function reasonOf(eventName: string): string {
  return `${eventName} is public in another release of the application, and this process has no public contract of it`;
}

/** No event is at fault, so none of them counts an attempt. */
function withoutRight(cause: unknown): UnavailableError {
  return new UnavailableError(
    `The role of the engine’s connection lacks a right that outgoing webhooks need (${wordsOf(cause)}). docs/guide/operate/security.md lists the grants of each role`,
    { cause },
  );
}
