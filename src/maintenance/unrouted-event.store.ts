import { Injectable } from '@nestjs/common';
import { EngineDatabase, type EngineSession } from '../database/engine-database.js';

/** An event name that no consumer asks for, as far as it was noticed. */
export interface UnroutedEvent {
  readonly eventName: string;
  /** At least so many events. */
  readonly events: number;
  readonly firstPosition: number;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
}

/** What a look at some of the log came to. */
export interface UnroutedLook {
  /** Names that were not known as unrouted. */
  readonly added: Pick<UnroutedEvent, 'eventName' | 'firstPosition'>[];
  readonly nextPosition: number;
  /** The log's end was reached. */
  readonly done: boolean;
}

const COLUMNS = `event_name AS "eventName", events, first_position AS "firstPosition", first_seen_at AS "firstSeenAt", last_seen_at AS "lastSeenAt"`;

/** Event names that nobody consumes. */
@Injectable()
export class UnroutedEventStore {
  private readonly lookSql: string;
  private readonly forgetSql: string;
  private readonly table: string;
  private readonly log: string;

  constructor(db: EngineDatabase) {
    this.log = `"${db.schema}".outbox_event`;
    this.table = `"${db.schema}".unrouted_event`;
    const isAskedFor = (name: string) => `EXISTS (
      SELECT FROM "${db.schema}".inbox_cursor c CROSS JOIN unnest(c.event_names) AS n (name)
      WHERE n.name = ${name} OR (right(n.name, 1) = '*' AND ${name} ^@ left(n.name, -1)))`;
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
    this.forgetSql = `DELETE FROM ${this.table} u WHERE ${isAskedFor('u.event_name')}`;
  }

  /** Looks at up to `limit` events from a position on and counts those that nobody asks for. */
  async look(session: EngineSession, from: number, limit: number): Promise<UnroutedLook> {
    const [look] = await session.query<Omit<UnroutedLook, 'added'> & { added: UnroutedLook['added'] | null }>(
      this.lookSql,
      [from, limit],
    );
    if (look === undefined) throw new Error('connection error: the look brought nothing back');
    return { ...look, added: look.added ?? [] };
  }

  /** Forgets names that somebody asks for by now. */
  async forgetRouted(session: EngineSession): Promise<void> {
    await session.query(this.forgetSql);
  }

  /** The highest visible position; 0 for an empty log. */
  async readHead(session: EngineSession): Promise<number> {
    const [row] = await session.query<{ position: number }>(
      `SELECT position FROM ${this.log} ORDER BY position DESC LIMIT 1`,
    );
    return row?.position ?? 0;
  }

  /** Every name that is known to be unrouted. */
  list(session: EngineSession): Promise<UnroutedEvent[]> {
    return session.query<UnroutedEvent>(`SELECT ${COLUMNS} FROM ${this.table} ORDER BY event_name`);
  }
}
