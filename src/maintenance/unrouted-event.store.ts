import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { UnusableConnection } from '../database/wire/unusable-connection.js';

/** An event name that no consumer asks for, as far as the searches have noticed it. */
export interface UnroutedEvent {
  readonly eventName: string;
  /** There are at least this many events. */
  readonly events: number;
  readonly firstPosition: number;
}

/** The result of a search in a part of the log. */
export interface UnroutedLook {
  /** Names that were not yet known as unrouted. */
  readonly added: Omit<UnroutedEvent, 'events'>[];
  readonly nextPosition: number;
  /** Whether the end of the log was reached. */
  readonly done: boolean;
}

/** So many names are compared with one that may be misspelt. */
const MOST_ASKED = 1_000;

/** Stores event names that nobody consumes. */
@Injectable()
export class UnroutedEventStore {
  private readonly lookSql: string;
  private readonly forgetSql: string;
  private readonly listSql: string;
  private readonly unaskedSql: string;
  private readonly askedSql: string;
  private readonly table: string;
  private readonly log: string;

  constructor(db: EngineDatabase) {
    this.log = db.tables.outboxEvent;
    this.table = db.tables.unroutedEvent;
    // This package's own names are not misspelt, and nobody has to ask for them.
    const isAskedFor = (name: string) => `(${name} ^@ 'integration.' OR EXISTS (
      SELECT FROM ${db.tables.inboxCursor} c CROSS JOIN unnest(c.event_names) AS n (name)
      WHERE n.name = ${name} OR (right(n.name, 1) = '*' AND ${name} ^@ left(n.name, -1))))`;
    this.lookSql = `
      WITH page AS MATERIALIZED (
        SELECT position, event_name FROM ${this.log} WHERE position >= $1 ORDER BY position LIMIT $2
      ), unrouted AS (
        SELECT event_name, count(*) AS events, min(position) AS first FROM page GROUP BY event_name
      ), noted AS (
        INSERT INTO ${this.table} AS u (event_name, events, first_position)
        SELECT event_name, events, first FROM unrouted WHERE NOT ${isAskedFor('event_name')} ORDER BY event_name
        ON CONFLICT (event_name) DO UPDATE SET events = u.events + excluded.events, last_seen_at = clock_timestamp()
        RETURNING event_name AS "eventName", first_position AS "firstPosition", xmax = 0 AS added
      )
      SELECT coalesce(max(position) + 1, $1) AS "nextPosition", count(*) < $2 AS done,
        (SELECT json_agg(n) FROM noted n WHERE n.added) AS added
      FROM page`;
    this.forgetSql = `DELETE FROM ${this.table} u
      WHERE u.last_seen_at < clock_timestamp() - $1::float8 * interval '1 day' OR ${isAskedFor('u.event_name')}`;
    this.unaskedSql = `SELECT name AS "eventName" FROM unnest($1::text[]) AS given (name) WHERE NOT ${isAskedFor('given.name')}`;
    this.askedSql = `SELECT DISTINCT n.name FROM ${db.tables.inboxCursor} c CROSS JOIN unnest(c.event_names) AS n (name)
      WHERE right(n.name, 1) <> '*' ORDER BY n.name LIMIT ${MOST_ASKED}`;
    this.listSql = `
      WITH latest AS MATERIALIZED (
        SELECT position, event_name FROM ${this.log} ORDER BY position DESC LIMIT $1
      ), seen AS (
        SELECT event_name, count(*) AS events, min(position) AS first_position FROM latest GROUP BY event_name
        UNION ALL
        SELECT event_name, events, first_position FROM ${this.table}
      )
      SELECT event_name AS "eventName", max(events) AS events, min(first_position) AS "firstPosition"
      FROM seen WHERE NOT ${isAskedFor('event_name')} GROUP BY event_name ORDER BY event_name`;
  }

  /** Looks at up to `limit` events from a position on, and counts the events that no consumer asks for. */
  async noteUnrouted(session: EngineSession, from: number, limit: number): Promise<UnroutedLook> {
    const [look] = await session.query<Omit<UnroutedLook, 'added'> & { added: UnroutedLook['added'] | null }>(
      this.lookSql,
      [from, limit],
    );
    if (look === undefined) throw new UnusableConnection('connection error: the look brought nothing back');
    return { ...look, added: look.added ?? [] };
  }

  /** Removes names that a consumer asks for by now, and names of which the log has no event any more. */
  async forgetRouted(session: EngineSession, retentionDays: number): Promise<void> {
    await session.query(this.forgetSql, [retentionDays]);
  }

  /** The highest visible position; 0 for an empty log. */
  async readHead(session: EngineSession): Promise<number> {
    const [row] = await session.query<{ position: number }>(
      `SELECT position FROM ${this.log} ORDER BY position DESC LIMIT 1`,
    );
    return row?.position ?? 0;
  }

  /** The given names that no consumer asks for. */
  async unasked(session: EngineSession, names: readonly string[]): Promise<string[]> {
    const rows = await session.query<{ eventName: string }>(this.unaskedSql, [names]);
    return rows.map(({ eventName }) => eventName);
  }

  /** The names that consumers ask for, without patterns: the first thousand of them. */
  async asked(session: EngineSession): Promise<string[]> {
    return (await session.query<{ name: string }>(this.askedSql)).map(({ name }) => name);
  }

  /** Every name that was noticed, and the unrouted names among the given number of latest events. */
  listUnrouted(session: EngineSession, latest: number): Promise<UnroutedEvent[]> {
    return session.query<UnroutedEvent>(this.listSql, [latest]);
  }
}
