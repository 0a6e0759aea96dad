import type { ProofDatabase } from '../harness/proof-server.js';
import type { ConsumerName } from './consumers.js';
import { EVENT_STATES, LOG, OPEN_REQUESTS } from './interleavings.store.js';

export type Status = 'pending' | 'processing' | 'processed' | 'failed' | 'skipped' | 'dead_letter';

/** What the database says of one event and a consumer that wants it. */
export interface EventState {
  readonly position: number;
  readonly consumer: ConsumerName;
  readonly status: Status;
  /** The cursor has not settled the position, whatever its row says. */
  readonly unread: boolean;
  readonly rowStatus: string | null;
  /** Its row waits for a time, not for another event. */
  readonly rowHasTime: boolean | null;
  /** What an admin gave as the reason of the last decision about it. */
  readonly reason: string | null;
}

/** A filtered replay that is not worked off: positions from `next` on are still to be looked at. */
export interface OpenRequest {
  readonly id: string;
  readonly next: number;
}

const RESTS: readonly (string | null)[] = [null, 'processed', 'skipped', 'dead_letter'];

/** Nothing of it will be delivered unless somebody asks. */
export function isSettled({ unread, rowStatus }: EventState): boolean {
  return !unread && RESTS.includes(rowStatus);
}

export function look(database: ProofDatabase): Promise<EventState[]> {
  return database.query<EventState>(EVENT_STATES);
}

export async function positionsOfLog(database: ProofDatabase): Promise<Set<number>> {
  const rows = await database.query<{ position: number }>(LOG);
  return new Set(rows.map(({ position }) => position));
}

export function openRequests(database: ProofDatabase): Promise<OpenRequest[]> {
  return database.query<OpenRequest>(OPEN_REQUESTS);
}
