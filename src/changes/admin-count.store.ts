import type { EngineDatabase } from '../database/engine-database.js';
import { ReplayStore } from './replay.store.js';

/** What the removal of a consumer deletes. */
export interface Belongings {
  readonly rows: number;
  readonly deadLetters: number;
}

/** Counts what a removal or a replay of a range would change at this moment. It only reads. */
export class AdminCountStore {
  private readonly inbox: string;

  constructor(private readonly db: EngineDatabase) {
    this.inbox = db.tables.inboxEvent;
  }

  async belongings(consumerName: string): Promise<Belongings> {
    const [row] = await this.db.query<Belongings>(
      `SELECT count(*) AS rows, count(*) FILTER (WHERE status = 'dead_letter') AS "deadLetters"
       FROM ${this.inbox} WHERE consumer_name = $1`,
      [consumerName],
    );
    return row ?? { rows: 0, deadLetters: 0 };
  }

  /** Returns the largest number of positions of the log that a replay of this range would look at. */
  async countPositions(consumerName: string, from: number, to: number | undefined): Promise<number> {
    const bounds = await new ReplayStore(this.db).boundsOf(consumerName, from, to);
    return bounds === undefined ? 0 : Math.max(0, bounds.to - bounds.from + 1);
  }
}
