import { AdminDatabase } from '../../database/admin-database.js';

/** The request that a key belongs to. */
export interface KeyedRequest {
  readonly actor: string;
  readonly key: string;
  readonly action: string;
  /** A hash of the path and the body. */
  readonly bodyHash: string;
}

/** What is kept of the first request with a key. `status` and `answer` are null while it is under way. */
export interface KeptAnswer {
  readonly action: string;
  readonly bodyHash: string;
  readonly status: number | null;
  readonly answer: string | null;
}

/** How long an answer is kept. Rows that are older are deleted by the engine's maintenance. */
const KEPT = `interval '24 hours'`;

/** Keeps what requests with an Idempotency-Key were answered. */
export class IdempotencyKeyStore {
  private readonly table: string;

  constructor(private readonly db: AdminDatabase) {
    this.table = db.tables.integrationIdempotencyKey;
  }

  /**
   * Takes the key for this request, and returns undefined. If a request of the last 24 hours has it, that
   * one is returned. Of two requests at the same time, the insert of one waits for the other, and finds its
   * row.
   */
  async take({ actor, key, action, bodyHash }: KeyedRequest): Promise<KeptAnswer | undefined> {
    return this.db.transaction(async (session) => {
      const taken = await session.query(
        `INSERT INTO ${this.table} AS kept (actor, key, action, body_hash) VALUES ($1, $2, $3, $4)
         ON CONFLICT (actor, key) DO UPDATE
           SET action = excluded.action, body_hash = excluded.body_hash, status = NULL, answer = NULL, at = clock_timestamp()
           WHERE kept.at < clock_timestamp() - ${KEPT}
         RETURNING 1`,
        [actor, key, action, bodyHash],
      );
      if (taken.length > 0) return undefined;
      const [kept] = await session.query<KeptAnswer>(
        `SELECT action, body_hash AS "bodyHash", status, answer FROM ${this.table} WHERE actor = $1 AND key = $2`,
        [actor, key],
      );
      return kept;
    });
  }

  /** Keeps the answer. */
  async keep({ actor, key }: KeyedRequest, status: number, answer: string): Promise<void> {
    await this.db.transaction((session) =>
      session.query(`UPDATE ${this.table} SET status = $3, answer = $4 WHERE actor = $1 AND key = $2`, [
        actor,
        key,
        status,
        answer,
      ]),
    );
  }

  /** Gives the key back, because nothing was done. */
  async giveBack({ actor, key }: KeyedRequest): Promise<void> {
    await this.db.transaction((session) =>
      session.query(`DELETE FROM ${this.table} WHERE actor = $1 AND key = $2 AND status IS NULL`, [
        actor,
        key,
      ]),
    );
  }
}
