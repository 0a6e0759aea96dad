import type { AdminDatabase } from '../database/admin-database.js';
import { finiteTime } from '../database/sql/epoch-text.store.js';

/** How often a module has published a name. */
export interface PublishedName {
  readonly sourceModule: string;
  readonly eventName: string;
  readonly events: number;
}

/** What was published last. */
export interface LatestNames {
  /** All events that were looked at, with any name. */
  readonly events: number;
  /** When the first of them was written. Null if there are none. */
  readonly from: Date | null;
  readonly seconds: number;
  /** Those names of them that are chosen, the most frequent first. */
  readonly names: readonly PublishedName[];
  /** Whether there are more names than were given back. */
  readonly hasMore: boolean;
}

export interface ChosenNames {
  readonly sourceModule?: string | undefined;
  /** A name that is chosen is in both lists. A name in a list may end with a star. */
  readonly eventNames?: readonly string[] | undefined;
  readonly askedFor?: readonly string[] | undefined;
}

/** Counts the latest events of the log by module and name. What it reads does not grow with the log. */
export class FlowStore {
  private readonly sql: string;

  constructor(private readonly db: AdminDatabase) {
    const isIn = (list: string) => `(${list}::text[] IS NULL OR EXISTS (
      SELECT FROM unnest(${list}::text[]) AS n (name)
      WHERE n.name = event_name OR (right(n.name, 1) = '*' AND event_name ^@ left(n.name, -1))))`;
    const first = finiteTime('min(created_at)');
    this.sql = `
      WITH latest AS MATERIALIZED (
        SELECT source_module, event_name, created_at FROM ${db.tables.outboxEvent} ORDER BY position DESC LIMIT $1::int
      ), names AS (
        SELECT source_module AS "sourceModule", event_name AS "eventName", count(*) AS events
        FROM latest WHERE $3::text IS NULL OR source_module = $3 GROUP BY source_module, event_name
      ), chosen AS (
        SELECT * FROM names CROSS JOIN LATERAL (SELECT "eventName" AS event_name) AS of_name
        WHERE ${isIn('$4')} AND ${isIn('$5')} ORDER BY events DESC, "sourceModule", "eventName" LIMIT $2::int + 1
      )
      SELECT count(*) AS events, CASE WHEN count(*) > 0 THEN ${first} END AS from,
        CASE WHEN count(*) > 0 THEN greatest(0, extract(epoch FROM clock_timestamp() - ${first})) ELSE 0 END::float8 AS seconds,
        coalesce((SELECT json_agg(json_build_object('sourceModule', "sourceModule", 'eventName', "eventName", 'events', events)
          ORDER BY events DESC, "sourceModule", "eventName") FROM chosen), '[]') AS names
      FROM latest`;
  }

  /** Reads `latest` events, and gives back at most `most` names. */
  async latestNames(latest: number, most: number, chosen: ChosenNames): Promise<LatestNames> {
    const { sourceModule = null, eventNames = null, askedFor = null } = chosen;
    const values = [latest, most, sourceModule, eventNames, askedFor];
    const [row] = await this.db.query<Omit<LatestNames, 'hasMore'>>(this.sql, values);
    const { names = [], ...window } = row ?? { events: 0, from: null, seconds: 0 };
    return { ...window, names: names.slice(0, most), hasMore: names.length > most };
  }
}
