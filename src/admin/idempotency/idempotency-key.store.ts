import { AdminDatabase } from '../../database/admin-database.js';

/** The request that a key belongs to. */
export interface KeyedRequest {
  /** The name of a person, or a hash of the credentials of one who has no name. */
  readonly actor: string;
  readonly key: string;
  readonly action: string;
  /** A hash of the path, the body and the header If-Match. */
  readonly bodyHash: string;
  /** Tells this request from others with the same key. It stands in place of the answer for now. */
  readonly token: string;
}

/** What is kept of the first request with a key. `status` is null while it is under way. */
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
  async take({ actor, key, action, bodyHash, token }: KeyedRequest): Promise<KeptAnswer | undefined> {
    return this.db.transaction(async (session) => {
      const taken = await session.query(
        `INSERT INTO ${this.table} AS kept (actor, key, action, body_hash, answer) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (actor, key) DO UPDATE
           SET action = excluded.action, body_hash = excluded.body_hash, status = NULL, answer = excluded.answer, at = clock_timestamp()
           WHERE kept.at < clock_timestamp() - ${KEPT}
         RETURNING 1`,
        [actor, key, action, bodyHash, token],
      );
      if (taken.length > 0) return undefined;
      const [kept] = await session.query<KeptAnswer>(
        `SELECT action, body_hash AS "bodyHash", status, answer FROM ${this.table} WHERE actor = $1 AND key = $2`,
        [actor, key],
      );
      return kept;
    });
  }

  /** Keeps the answer. It changes nothing if that was done already. */
  async keep({ actor, key, token }: KeyedRequest, status: number, answer: string): Promise<void> {
    await this.db.transaction((session) =>
      session.query(
        `UPDATE ${this.table} SET status = $4, answer = $5
         WHERE actor = $1 AND key = $2 AND status IS NULL AND answer = $3`,
        [actor, key, token, status, answer],
      ),
    );
  }

  /** Gives the key back, because nothing was done. It changes nothing if another request has the key. */
  async giveBack({ actor, key, token }: KeyedRequest): Promise<void> {
    await this.db.transaction((session) =>
      session.query(
        `DELETE FROM ${this.table} WHERE actor = $1 AND key = $2 AND status IS NULL AND answer = $3`,
        [actor, key, token],
      ),
    );
  }
}
