import { AuditStore } from '../audit/audit.store.js';
import type { Author } from '../audit/change-author.js';
import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { planInOrderOfIndex } from '../database/sql/plan-in-order-of-index.store.js';
import { type EstimatedCount, estimatedTo } from '../rates/counted.js';
import { countedOfEach } from './estimated-rows.store.js';
import type {
  FailureGroupChange,
  FailureGroupKey,
  FailureGroupOrder,
  FailureGroupPlace,
} from './failure-group.js';
import { errorsSql, type GroupBounds, listBySql, listSql, namedSql } from './failure-group-reads.store.js';

/** Up to `few` groups are found by steps alone. */
const BOUNDS = { groups: 20_000, rows: 150_000, few: 100 };

/** Dead letters of one kind at one consumer, and what people noted about them. */
export interface FailureGroup extends FailureGroupKey {
  /**
   * How many dead letters there are: counted up to 10,000, or up to 1,000 of each where there are many
   * groups, and estimated beyond.
   */
  deadLetters: EstimatedCount;
  /** The positions of the first and of the last one in the log. */
  firstPosition: number;
  lastPosition: number;
  /** When the first one, by position, was given up. */
  firstFailedAt: Date;
  /** The last one, by position. `eventName` is null if the log no longer has the event. */
  latest: { outboxEventId: string; eventName: string | null; error: string | null; failedAt: Date };
  note: { text: string; by: string; at: Date } | null;
  /**
   * Who has seen the group, and how many dead letters came behind those that were there then, counted in
   * the same way.
   */
  acknowledged: { by: string; at: Date; newSince: EstimatedCount } | null;
}

/** The columns of what people noted about a group, as a page shows them. */
const NOTED = `n.note, n.noted_by AS "notedBy", n.noted_at AS "notedAt", n.acknowledged_by AS "acknowledgedBy",
    n.acknowledged_at AS "acknowledgedAt"`;

/** A group as `listSql` and `listBySql` select it. */
interface GroupRow extends FailureGroupKey {
  readonly value: number | null;
  readonly isPartial: boolean;
  /** Rows that were counted: one more than `upto` if there are more. */
  readonly counted: number;
  readonly upto: number;
  /** About how many there are. */
  readonly size: number;
  readonly firstPosition: number;
  readonly lastPosition: number;
  readonly firstFailedAt: Date;
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
  readonly newSize: number | null;
}

/** A group, and the error of its last dead letter. */
export interface GroupError extends FailureGroupKey {
  readonly error: string | null;
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
 * the index. Where a count ends at its bound, the number is estimated.
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
  private readonly namedSql: string;
  private readonly errorsSql: string;
  private readonly audit: AuditStore;

  constructor(
    private readonly db: EngineDatabase,
    private readonly bounds = BOUNDS,
  ) {
    this.inbox = db.tables.inboxEvent;
    this.groups = db.tables.integrationFailureGroup;
    this.listSql = listSql(db.tables, NOTED);
    this.namedSql = namedSql(db.tables, NOTED);
    this.errorsSql = errorsSql(db.tables);
    this.audit = new AuditStore(db);
  }

  /** The groups that are named, in the same order, without those that have no dead letter. */
  async find(keys: readonly FailureGroupKey[]): Promise<FailureGroup[]> {
    const upto = countedOfEach(keys.length);
    const values = [
      keys.map(({ consumerName }) => consumerName),
      keys.map(({ fingerprint }) => fingerprint),
      upto,
    ];
    return listedOf(await this.db.query<GroupRow>(this.namedSql, values), upto).items;
  }

  /** Groups as in `list`, with the error of the last dead letter only, so that many can be looked at. */
  latestErrors(after: FailureGroupKey, onlyOf: boolean, limit: number): Promise<GroupError[]> {
    return this.db.query<GroupError>(this.errorsSql, [after.consumerName, after.fingerprint, limit, onlyOf]);
  }

  /** Groups by consumer and kind, behind `after`. With `onlyOf`, only those of the consumer of `after`. */
  async list(after: FailureGroupKey, onlyOf: boolean, limit: number): Promise<ListedGroups> {
    const { consumerName, fingerprint } = after;
    const upto = countedOfEach(limit);
    const values = [consumerName, fingerprint, limit, onlyOf, upto];
    return listedOf(await this.db.query<GroupRow>(this.listSql, values), upto);
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
    const upto = countedOfEach(limit);
    return this.db.read(async (session) => {
      await planInOrderOfIndex(session);
      const page = async (bounds: GroupBounds) =>
        listedOf(
          await session.query<GroupRow>(listBySql(this.db.tables, NOTED, order, filter, bounds), [
            first.consumerName,
            first.fingerprint,
            bounds.groups + 1,
            onlyOf,
            ...place,
            limit,
            upto,
          ]),
          upto,
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

/** @param upto how many dead letters that came since somebody saw a group were counted */
function listedOf(rows: readonly GroupRow[], upto: number): ListedGroups {
  return {
    items: rows.map((row) => groupOf(row, upto)),
    values: rows.map(({ value }) => value ?? undefined),
    isPartial: rows[0]?.isPartial ?? false,
  };
}

function groupOf(row: GroupRow, upto: number): FailureGroup {
  const { consumerName, fingerprint, firstPosition, lastPosition, firstFailedAt } = row;
  const { outboxEventId, eventName, error, failedAt, notedBy, notedAt, acknowledgedBy, acknowledgedAt } = row;
  return {
    consumerName,
    fingerprint,
    deadLetters: estimatedTo(row.counted, row.size, row.upto),
    firstPosition,
    lastPosition,
    firstFailedAt,
    latest: { outboxEventId, eventName, error, failedAt },
    note:
      row.note === null || notedBy === null || notedAt === null
        ? null
        : { text: row.note, by: notedBy, at: notedAt },
    acknowledged:
      acknowledgedBy === null || acknowledgedAt === null
        ? null
        : {
            by: acknowledgedBy,
            at: acknowledgedAt,
            newSince: estimatedTo(row.newSince ?? 0, row.newSize ?? 0, upto),
          },
  };
}
