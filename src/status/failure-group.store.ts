import { AuditStore } from '../audit/audit.store.js';
import type { Author } from '../audit/change-author.js';
import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { planInOrderOfIndex } from '../database/sql/plan-in-order-of-index.store.js';
import { type Counted, countedTo } from '../rates/counted.js';
import type {
  FailureGroupChange,
  FailureGroupKey,
  FailureGroupOrder,
  FailureGroupPlace,
} from './failure-group.js';

/** Of one group. A page may have many groups, and a look at each of their rows. */
const COUNTED_TO = 1_000;
/**
 * How much is looked at to put groups in an order that no index has: at most `groups` groups, and before
 * steps find the rest of them, at most `rows` rows of the index. Up to `few` groups are found by steps alone.
 */
const BOUNDS = { groups: 5_000, rows: 150_000, few: 100 };
type Bounds = Pick<typeof BOUNDS, 'groups' | 'rows'>;

/** Dead letters of one kind at one consumer, and what people noted about them. */
export interface FailureGroup extends FailureGroupKey {
  /** How many dead letters there are: exact up to 1,000. */
  deadLetters: Counted;
  /** The positions of the first and of the last one in the log. */
  firstPosition: number;
  lastPosition: number;
  /** The last one, by position. `eventName` is null if the log no longer has the event. */
  latest: { outboxEventId: string; eventName: string | null; error: string | null; failedAt: Date };
  note: { text: string; by: string; at: Date } | null;
  /**
   * Who has seen the group, and how many dead letters came behind those that were there then: exact up to
   * 1,000.
   */
  acknowledged: { by: string; at: Date; newSince: Counted } | null;
}

/** A group as `shown` selects it. */
interface GroupRow extends FailureGroupKey {
  readonly value: number | null;
  readonly isPartial: boolean;
  readonly count: number;
  readonly firstPosition: number;
  readonly lastPosition: number;
  readonly outboxEventId: string;
  readonly eventName: string | null;
  readonly error: string | null;
  readonly failedAt: Date;
  readonly note: string | null;
  readonly notedBy: string | null;
  readonly notedAt: Date | null;
  readonly acknowledgedBy: string | null;
  readonly acknowledgedAt: Date | null;
  readonly newSince: number | null;
}

/** Groups of a page, what each was ordered by, and whether there are more groups than were put in order. */
interface ListedGroups {
  readonly items: FailureGroup[];
  readonly values: readonly (number | undefined)[];
  readonly isPartial: boolean;
}

/**
 * Groups of dead letters, by consumer and kind. The groups are found by stepping through
 * `inbox_event_dead_letter_idx` from one kind to the next: at most three probes and a bounded count for each
 * group, however many dead letters it has. The dead letters without a kind come last of their consumer, as in
 * the index.
 *
 * Another order than theirs puts up to `BOUNDS.groups` of them in order first, by what the index has of each,
 * and looks at the rest of what a page shows only for the groups of the page. A row that is read in turn
 * costs a fraction of a probe. So the first `BOUNDS.rows` rows of the index are read in turn, and only the
 * groups behind them are found by steps. A few large groups are found quicker by steps alone. How many there
 * are is not known before, so the first page tries that with `BOUNDS.few` groups.
 */
export class FailureGroupStore {
  private readonly inbox: string;
  private readonly groups: string;
  private readonly listSql: string;
  private readonly listBySql: Readonly<
    Record<Exclude<FailureGroupOrder, 'name'>, (filter: string, bounds: Bounds) => string>
  >;
  private readonly audit: AuditStore;

  constructor(
    private readonly db: EngineDatabase,
    private readonly bounds = BOUNDS,
  ) {
    const { inboxEvent, integrationFailureGroup, outboxEvent } = db.tables;
    this.inbox = inboxEvent;
    this.groups = integrationFailureGroup;
    this.audit = new AuditStore(db);
    const dead = `FROM ${inboxEvent} i WHERE i.status = 'dead_letter'`;
    // An index cannot be searched by IS NOT DISTINCT FROM. So each look has a half for a kind and one for
    // none. The server does not see that rows without a kind come by position in the index, so an order says
    // both. Otherwise it reads back through all dead letters of the consumer for the last one without a kind.
    const ofGroup = (columns: string, rest: string) => `(
        (SELECT ${columns} ${dead} AND i.consumer_name = g.name AND i.error_fingerprint = g.kind ${rest})
        UNION ALL
        (SELECT ${columns} ${dead} AND i.consumer_name = g.name AND g.kind IS NULL AND i.error_fingerprint IS NULL ${rest})
      )`;
    // A count is taken of one half, because rows that pass through a union cost twice as much.
    const countOfGroup = (rest: string) => `CASE
        WHEN g.kind IS NULL THEN
          (SELECT count(*) FROM (SELECT ${dead} AND i.consumer_name = g.name AND i.error_fingerprint IS NULL ${rest}) AS r)
        ELSE (SELECT count(*) FROM (SELECT ${dead} AND i.consumer_name = g.name AND i.error_fingerprint = g.kind ${rest}) AS r)
      END`;
    // COALESCE asks the second only if the first found nothing, and the third only after both.
    const steps = (start: string) => `each (n, name, kind) AS (
        ${start}
        UNION ALL
        SELECT n + 1, next[1], next[2] FROM (
          SELECT each.n, coalesce(
            (SELECT ARRAY[i.consumer_name::text, i.error_fingerprint::text] ${dead}
               AND i.consumer_name = each.name AND i.error_fingerprint > each.kind ORDER BY i.error_fingerprint LIMIT 1),
            (SELECT ARRAY[i.consumer_name::text, NULL] ${dead}
               AND i.consumer_name = each.name AND each.kind IS NOT NULL AND i.error_fingerprint IS NULL LIMIT 1),
            (SELECT ARRAY[i.consumer_name::text, i.error_fingerprint::text] ${dead}
               AND i.consumer_name > each.name AND NOT $4 ORDER BY i.consumer_name, i.error_fingerprint LIMIT 1)
          ) AS next
          FROM each WHERE each.n < $3::int OFFSET 0
        ) AS step WHERE next IS NOT NULL
      )`;
    const count = countOfGroup(`LIMIT ${COUNTED_TO + 1}`);
    const shown = (counted: string) => `
      SELECT g.name AS "consumerName", g.kind AS fingerprint, ${counted} AS count, first.position AS "firstPosition",
        last.position AS "lastPosition", last.outbox_event_id AS "outboxEventId", e.event_name AS "eventName", left(last.last_error, 1000) AS error,
        last.updated_at AS "failedAt", n.note, n.noted_by AS "notedBy", n.noted_at AS "notedAt", n.acknowledged_by AS "acknowledgedBy",
        n.acknowledged_at AS "acknowledgedAt", CASE WHEN n.acknowledged_by IS NOT NULL THEN
          ${countOfGroup(`AND i.position > n.acknowledged_upto LIMIT ${COUNTED_TO + 1}`)} END AS "newSince"`;
    const details = `
      CROSS JOIN LATERAL (SELECT * FROM ${ofGroup('i.position', 'ORDER BY i.error_fingerprint, i.position LIMIT 1')} AS r) AS first
      CROSS JOIN LATERAL (
        SELECT * FROM ${ofGroup('i.position, i.outbox_event_id, i.last_error, i.updated_at', 'ORDER BY i.error_fingerprint DESC, i.position DESC LIMIT 1')} AS r
      ) AS last
      LEFT JOIN ${outboxEvent} e ON e.position = last.position AND e.id = last.outbox_event_id
      LEFT JOIN ${integrationFailureGroup} n ON n.consumer_name = g.name AND n.fingerprint = coalesce(g.kind, '')`;
    this.listSql = `WITH RECURSIVE ${steps('SELECT 0, $1::text, $2::text')}${shown(count)}, NULL AS value, false AS "isPartial"
      FROM each AS g ${details} WHERE g.n > 0 ORDER BY g.n`;
    // The last group of the scan may go on behind its end, so the steps begin before it.
    const listedBy =
      (ofScan: string, ofStep: string, countOfStep: string) => (filter: string, bounds: Bounds) =>
        `
      WITH RECURSIVE scanned AS MATERIALIZED (
        SELECT name, kind, rows, last, row_number() OVER (ORDER BY name, kind)::int AS n FROM (
          SELECT name, kind, count(*) AS rows, max(position) AS last FROM (
            SELECT i.consumer_name AS name, i.error_fingerprint AS kind, i.position ${dead} ${filter}
            ORDER BY i.consumer_name, i.error_fingerprint, i.position LIMIT ${bounds.rows + 1}
          ) AS r GROUP BY name, kind ORDER BY name, kind LIMIT $3::int
        ) AS counted
      ), whole AS MATERIALIZED (
        SELECT CASE WHEN is_cut THEN groups - 1 ELSE groups END AS groups, is_cut FROM (
          SELECT count(*)::int AS groups, coalesce(sum(rows), 0) > ${bounds.rows} OR count(*) > ${bounds.groups} AS is_cut FROM scanned
        ) AS sums
      ), ${steps(`SELECT whole.groups, CASE WHEN scanned.n IS NULL THEN $1::text ELSE scanned.name::text END,
          CASE WHEN scanned.n IS NULL THEN $2::text ELSE scanned.kind::text END
        FROM whole LEFT JOIN scanned ON scanned.n = whole.groups WHERE whole.is_cut`)}, ranked AS (
        SELECT scanned.name::text AS name, scanned.kind::text AS kind, ${ofScan} AS value, least(scanned.rows, ${COUNTED_TO + 1}) AS counted FROM scanned, whole WHERE scanned.n <= whole.groups
        UNION ALL
        SELECT name, kind, value, ${countOfStep} FROM (
          SELECT g.name, g.kind, ${ofStep} AS value FROM each AS g, whole WHERE g.n > whole.groups AND g.n <= ${bounds.groups} OFFSET 0
        ) AS stepped
      ), page AS MATERIALIZED (
        SELECT * FROM ranked WHERE $5::bigint IS NULL OR value < $5
          OR (value = $5 AND (name, kind IS NULL, coalesce(kind, '')) > ($6::text, $7::text IS NULL, coalesce($7, '')))
        ORDER BY value DESC, name, kind LIMIT $8::int
      )
      ${shown(`coalesce(g.counted, ${count})`)}, g.value, coalesce((SELECT max(n) FROM each) > ${bounds.groups}, false) AS "isPartial" FROM page AS g ${details}
      ORDER BY g.value DESC, g.name, g.kind`;
    this.listBySql = {
      size: listedBy(`least(scanned.rows, ${COUNTED_TO + 1})`, count, 'value'),
      latest: listedBy(
        'scanned.last',
        `(SELECT position FROM ${ofGroup('i.position', 'ORDER BY i.error_fingerprint DESC, i.position DESC LIMIT 1')} AS r)`,
        'NULL',
      ),
    };
  }

  /** Groups by consumer and kind, behind `after`. With `onlyOf`, only those of the consumer of `after`. */
  async list(after: FailureGroupKey, onlyOf: boolean, limit: number): Promise<ListedGroups> {
    const { consumerName, fingerprint } = after;
    return listedOf(await this.db.query<GroupRow>(this.listSql, [consumerName, fingerprint, limit, onlyOf]));
  }

  /** Groups in another order, of those behind `first` in the order of their names. */
  async listBy(
    order: Exclude<FailureGroupOrder, 'name'>,
    first: FailureGroupKey,
    after: FailureGroupPlace | undefined,
    onlyOf: boolean,
    limit: number,
  ): Promise<ListedGroups> {
    const place = [after?.value ?? null, after?.consumerName ?? null, after?.fingerprint ?? null];
    const filter = onlyOf ? 'AND i.consumer_name = $1::text' : '';
    const { groups, rows, few } = this.bounds;
    return this.db.read(async (session) => {
      await planInOrderOfIndex(session);
      const page = async (bounds: Bounds) =>
        listedOf(
          await session.query<GroupRow>(this.listBySql[order](filter, bounds), [
            first.consumerName,
            first.fingerprint,
            bounds.groups + 1,
            onlyOf,
            ...place,
            limit,
          ]),
        );
      const ofFew = after === undefined ? await page({ groups: few, rows: 0 }) : undefined;
      return ofFew !== undefined && !ofFew.isPartial ? ofFew : page({ groups, rows });
    });
  }

  /**
   * Notes something about a group, with its row of the audit, in one transaction. False if there is neither a
   * dead letter of that kind nor an earlier note.
   */
  change(key: FailureGroupKey, change: FailureGroupChange, author: Author): Promise<boolean> {
    return this.db.transaction(async (session) => {
      const { consumerName, fingerprint } = key;
      const [place] = await session.query<{ last: number | null; before: unknown }>(
        `SELECT (SELECT max(position) FROM ${this.inbox} WHERE status = 'dead_letter' AND consumer_name = $1
             AND ${fingerprint === null ? "error_fingerprint IS NULL AND $2 = ''" : 'error_fingerprint = $2'}) AS last,
           (SELECT to_jsonb(g) FROM ${this.groups} g WHERE g.consumer_name = $1 AND g.fingerprint = $2) AS before`,
        [consumerName, fingerprint ?? ''],
      );
      if (place === undefined || (place.last === null && place.before === null)) return false;
      const after = await this.write(session, key, change, author, place.last ?? 0);
      await this.audit.add(session, author, {
        action: actionOf(change),
        target: `failure-group/${consumerName}/${fingerprint ?? ''}`,
        before: place.before,
        after,
      });
      return true;
    });
  }

  private async write(
    session: EngineSession,
    { consumerName, fingerprint }: FailureGroupKey,
    { note, acknowledged }: FailureGroupChange,
    { actor }: Author,
    last: number,
  ): Promise<unknown> {
    const parts = [
      ...(note === undefined ? [] : [{ name: 'note', type: 'text', prefix: 'noted', value: note }]),
      ...(acknowledged === undefined
        ? []
        : [
            {
              name: 'acknowledged_upto',
              type: 'bigint',
              prefix: 'acknowledged',
              value: acknowledged ? last : null,
            },
          ]),
    ];
    const columns = parts.flatMap(({ name, type, prefix }, n) => {
      const value = `$${n + 4}::${type}`;
      const ifSet = (what: string) => `CASE WHEN ${value} IS NOT NULL THEN ${what} END`;
      return [
        { name, value },
        { name: `${prefix}_by`, value: ifSet('$3::text') },
        { name: `${prefix}_at`, value: ifSet('clock_timestamp()') },
      ];
    });
    const [row] = await session.query<{ after: unknown }>(
      `INSERT INTO ${this.groups} AS g (consumer_name, fingerprint, ${columns.map(({ name }) => name).join(', ')})
       VALUES ($1, $2, ${columns.map(({ value }) => value).join(', ')})
       ON CONFLICT (consumer_name, fingerprint) DO UPDATE
         SET ${columns.map(({ name }) => `${name} = excluded.${name}`).join(', ')}
       RETURNING to_jsonb(g) AS after`,
      [consumerName, fingerprint ?? '', actor, ...parts.map(({ value }) => value)],
    );
    return row?.after;
  }
}

function actionOf({ note, acknowledged }: FailureGroupChange): string {
  if (acknowledged === undefined) return 'failure-groups.note';
  return note === undefined ? 'failure-groups.acknowledge' : 'failure-groups.change';
}

function listedOf(rows: readonly GroupRow[]): ListedGroups {
  return {
    items: rows.map(groupOf),
    values: rows.map(({ value }) => value ?? undefined),
    isPartial: rows[0]?.isPartial ?? false,
  };
}

function groupOf(row: GroupRow): FailureGroup {
  const { consumerName, fingerprint, firstPosition, lastPosition } = row;
  const { outboxEventId, eventName, error, failedAt, notedBy, notedAt, acknowledgedBy, acknowledgedAt } = row;
  return {
    consumerName,
    fingerprint,
    deadLetters: countedTo(row.count, COUNTED_TO),
    firstPosition,
    lastPosition,
    latest: { outboxEventId, eventName, error, failedAt },
    note:
      row.note === null || notedBy === null || notedAt === null
        ? null
        : { text: row.note, by: notedBy, at: notedAt },
    acknowledged:
      acknowledgedBy === null || acknowledgedAt === null
        ? null
        : { by: acknowledgedBy, at: acknowledgedAt, newSince: countedTo(row.newSince ?? 0, COUNTED_TO) },
  };
}
