import type { EngineDatabase } from '../database/engine-database.js';
import { backendGone } from '../database/sql/backend-gone.store.js';

/** An attempt that has run for more than two seconds. */
export interface RunningAttempt {
  consumerName: string;
  partition: number;
  /** The position and name of its event, or of the first event of its batch. */
  position: number;
  eventName: string;
  /** How many events it has. More than one only in a batch. */
  events: number;
  attempt: number;
  since: Date;
}

/** An attempt that runs, and the process that runs it. */
export interface AttemptOfProcess extends RunningAttempt {
  processId: string;
  host: string;
  pid: number;
  /** When the process was last seen. It says what runs within seconds of a change. */
  seenAt: Date;
}

/** A cursor that a process has leased. */
export interface OwnedCursor {
  consumerName: string;
  partition: number;
  /** When the lease runs out unless it is renewed. */
  until: Date;
}

/** One process, as it described itself with its last renewal. Times are by the clock of the database. */
export interface ProcessView {
  id: string;
  host: string;
  pid: number;
  role: 'all' | 'publisher' | 'worker';
  /** The version of this package. Null if the process does not know it, because its code is in a bundle. */
  version: string | null;
  startedAt: Date;
  /** The time of its last renewal. */
  seenAt: Date;
  /** Seconds since then. */
  seenSecondsAgo: number;
  /** Whether it was seen within the time of a lease. */
  alive: boolean;
  /** Whether its connection to the database is there. Null if that cannot be told. */
  connected: boolean | null;
  /** The consumers that it has handlers for. */
  handles: string[];
  owns: OwnedCursor[];
  /** The values of all settings in force there, by their full keys. */
  settings: Record<string, boolean | number | string>;
  /** What ran for more than two seconds: at most a hundred attempts, the longest first. */
  working: RunningAttempt[];
}

type Json<T> = { [K in keyof T]: T[K] extends Date ? string : T[K] };
type Row = Omit<ProcessView, 'owns' | 'working'> & {
  owns: Json<OwnedCursor>[];
  working: Json<RunningAttempt>[];
};

/** Which processes are listed. */
export interface ProcessSelection {
  readonly after?: string | undefined;
  /** A text that the host or a name in `handles` contains, in large or small letters. */
  readonly text?: string | undefined;
  readonly alive?: boolean | undefined;
}

/** Reads what processes say of themselves. */
export class ProcessViewStore {
  private readonly sql: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    const { integrationProcess, inboxCursor } = db.tables;
    this.sql = `
      SELECT p.id, p.host, p.pid, p.role, p.version, p.started_at AS "startedAt", p.seen_at AS "seenAt",
        greatest(0, extract(epoch FROM clock_timestamp() - p.seen_at))::float8 AS "seenSecondsAgo",
        p.seen_at > clock_timestamp() - $1::float8 * interval '1 millisecond' AS alive,
        NOT ${backendGone('p')} AS connected, p.handles, p.settings, p.working,
        coalesce((SELECT json_agg(json_build_object('consumerName', c.consumer_name, 'partition', c.partition, 'until', c.lease_expires_at)
            ORDER BY c.consumer_name, c.partition)
          FROM ${inboxCursor} c WHERE c.lease_owner = p.id AND c.lease_expires_at > clock_timestamp()), '[]') AS owns
      FROM ${integrationProcess} p
      WHERE ($2::uuid IS NULL OR p.id > $2)
        AND ($4::text IS NULL OR position(lower($4) IN lower(p.host)) > 0
          OR EXISTS (SELECT FROM unnest(p.handles) AS h (name) WHERE position(lower($4) IN lower(h.name)) > 0))
        AND ($5::boolean IS NULL OR $5 = (p.seen_at > clock_timestamp() - $1::float8 * interval '1 millisecond'))
      ORDER BY p.id LIMIT $3`;
  }

  /** Some processes by their ids, behind `after`, of those that are chosen. */
  async list(leaseMs: number, chosen: ProcessSelection, limit: number): Promise<ProcessView[]> {
    const { after = null, text = null, alive = null } = chosen;
    const rows = await this.db.query<Row>(this.sql, [leaseMs, after, limit, text, alive]);
    return rows.map(({ owns, working, ...row }) => ({
      ...row,
      owns: owns.map(({ until, ...cursor }) => ({ ...cursor, until: new Date(until) })),
      working: working.map(attemptOf),
    }));
  }

  /** What runs of one consumer in live processes, the longest first: at most a thousand attempts. */
  async running(consumerName: string, leaseMs: number): Promise<AttemptOfProcess[]> {
    const rows = await this.db.query<
      { attempt: Json<RunningAttempt> } & Omit<AttemptOfProcess, keyof RunningAttempt>
    >(
      `SELECT p.id AS "processId", p.host, p.pid, p.seen_at AS "seenAt", w.attempt
       FROM ${this.db.tables.integrationProcess} p CROSS JOIN jsonb_array_elements(p.working) AS w (attempt)
       WHERE w.attempt ->> 'consumerName' = $1 AND p.seen_at > clock_timestamp() - $2::float8 * interval '1 millisecond'
       ORDER BY w.attempt ->> 'since', p.id LIMIT 1000`,
      [consumerName, leaseMs],
    );
    return rows.map(({ attempt, ...process }) => ({ ...process, ...attemptOf(attempt) }));
  }
}

/** The row has more of it: what only matters to say why others wait. */
function attemptOf({
  consumerName,
  partition,
  position,
  eventName,
  events,
  attempt,
  since,
}: Json<RunningAttempt>) {
  return { consumerName, partition, position, eventName, events, attempt, since: new Date(since) };
}
