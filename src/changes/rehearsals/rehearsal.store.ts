import { AuditStore } from '../../audit/audit.store.js';
import type { Author } from '../../audit/change-author.js';
import type { EngineDatabase } from '../../database/engine-database.js';
import { backendGone } from '../../database/sql/backend-gone.store.js';
import { INTERRUPTED_KIND } from '../../inbox/failed-attempt.js';
import { tellConsumers } from '../../wakeups/wakeup.store.js';
import { eventsTarget } from '../chosen/audit-targets.js';
import { type Rehearsal, type RehearsedEvent, TAKEN_WITHIN_S } from './rehearsal.js';

/** A rehearsal without its sentences. */
export type StoredRehearsal = Omit<Rehearsal, 'sentence' | 'linesSentence'>;

/** What decides whether a dead letter can be rehearsed. */
export interface RehearsalFacts {
  readonly position: number;
  /** Whether it is a dead letter, or has failed for good. */
  readonly isDead: boolean;
  /** Whether it, or its page, may have ended a process. */
  readonly isSuspect: boolean;
  /** Whether the log still has the event. */
  readonly isInLog: boolean;
}

/** A process that has a handler of a consumer. */
export interface HandlingProcess {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
}

const MOST_PROCESSES = 10;

/** The rehearsals that are asked for. */
export class RehearsalStore {
  private readonly table: string;
  private readonly audit: AuditStore;

  constructor(private readonly db: EngineDatabase) {
    this.table = db.tables.integrationRehearsal;
    this.audit = new AuditStore(db);
  }

  /** Undefined if the consumer has no row of the event. */
  async factsOf({ outboxEventId, consumerName }: RehearsedEvent): Promise<RehearsalFacts | undefined> {
    const { inboxEvent, outboxEvent } = this.db.tables;
    const [facts] = await this.db.query<RehearsalFacts>(
      `SELECT i.position, i.status = 'dead_letter' OR (i.status = 'failed' AND i.available_at IS NULL) AS "isDead",
         i.suspicion IS NOT NULL OR coalesce(i.error_fingerprint = '${INTERRUPTED_KIND}', false) AS "isSuspect",
         EXISTS (SELECT FROM ${outboxEvent} e WHERE e.position = i.position AND e.id = i.outbox_event_id) AS "isInLog"
       FROM ${inboxEvent} i WHERE i.outbox_event_id = $1::uuid AND i.consumer_name = $2`,
      [outboxEventId, consumerName],
    );
    return facts;
  }

  /** The live processes that have a handler of a consumer, those that were seen last first. */
  processesOf(consumerName: string, leaseMs: number): Promise<HandlingProcess[]> {
    return this.db.query<HandlingProcess>(
      `SELECT p.id, p.host, p.pid FROM ${this.db.tables.integrationProcess} p
       WHERE $1 = ANY (p.handles) AND p.role <> 'publisher'
         AND p.seen_at > clock_timestamp() - $2::float8 * interval '1 millisecond' AND ${backendGone('p')} IS NOT TRUE
       ORDER BY p.seen_at DESC, p.id LIMIT ${MOST_PROCESSES}`,
      [consumerName, leaseMs],
    );
  }

  /** Asks for a rehearsal, notes that in the audit, and tells the processes. Resolves to its id. */
  ask(event: RehearsedEvent, position: number, author: Author): Promise<string> {
    return this.db.transaction(async (session) => {
      const [row] = await session.query<{ id: string }>(
        `INSERT INTO ${this.table} (consumer_name, outbox_event_id, position, requested_by)
         VALUES ($1, $2::uuid, $3, $4) RETURNING id`,
        [event.consumerName, event.outboxEventId, position, author.actor],
      );
      const id = row?.id ?? '';
      await this.audit.add(session, author, {
        action: 'dead-letters.rehearse',
        target: eventsTarget(event),
        after: { rehearsal: id },
      });
      // Without this message they would look for it a quarter of a minute later.
      await tellConsumers(session, this.db.schema);
      return id;
    });
  }

  /** A row that waits for a process for too long, or is run for too long, is not touched any more. */
  async find(id: string): Promise<StoredRehearsal | undefined> {
    const [row] = await this.db.query<StoredRehearsal>(
      `SELECT id, outbox_event_id AS "outboxEventId", consumer_name AS "consumerName", position,
         CASE WHEN state = 'asked' AND asked_at < clock_timestamp() - interval '${TAKEN_WITHIN_S} seconds' THEN 'untaken'
              WHEN state = 'running' AND ends_by < clock_timestamp() THEN 'lost' ELSE state END AS state,
         requested_by AS "requestedBy", asked_at AS "askedAt",
         CASE WHEN process_id IS NOT NULL THEN jsonb_build_object('id', process_id, 'host', host, 'pid', pid) END AS process,
         started_at AS "startedAt", ended_at AS "endedAt", result
       FROM ${this.table} WHERE id = $1::uuid AND state <> 'fence'`,
      [id],
    );
    return row;
  }
}
