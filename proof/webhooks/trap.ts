import { createHash } from 'node:crypto';
import pg from 'pg';
import type { ProofDatabase } from '../harness/proof-server.js';
import { until } from '../harness/wait.js';
import {
  END_TRAPPED,
  HOLD_TRAP,
  RELEASE_TRAP,
  REMOVE_TRAPS,
  SET_TRAP,
  TRAPPED,
  WAITING,
} from './webhooks.store.js';

/** A step inside of a statement: the row of the receipt is written, that of an event, or COMMIT was sent. */
export type TrapStep = 'in-receipt' | 'in-event' | 'in-commit';

/** Stops the session of one delivery in the midst of a statement, until it is released. */
export class Trap {
  private constructor(
    private readonly database: ProofDatabase,
    private readonly holder: pg.Client,
  ) {}

  static async set(database: ProofDatabase, step: TrapStep, delivery: string): Promise<Trap> {
    const holder = new pg.Client({ connectionString: database.url, application_name: 'proof trap' });
    holder.on('error', () => {});
    await holder.connect();
    await holder.query(HOLD_TRAP);
    await holder.query(SET_TRAP, [step, markOf(step, delivery)]);
    return new Trap(database, holder);
  }

  async untilEntered(): Promise<void> {
    await until('a session is in the trap', () => this.counts(TRAPPED, 1), { everyMs: 5 });
  }

  /** Resolves when another session waits as well, as one does that repeats the delivery. */
  async untilOthersWait(): Promise<void> {
    await until('a repetition waits for the session in the trap', () => this.counts(WAITING, 2), {
      everyMs: 5,
    });
  }

  /** Ends the session, as the server does when it hears that its client is gone. */
  async endSession(): Promise<void> {
    await this.database.query(END_TRAPPED);
  }

  async release(): Promise<void> {
    await this.holder.query(REMOVE_TRAPS);
    await this.holder.query(RELEASE_TRAP);
    await this.holder.end();
  }

  private async counts(sql: string, least: number): Promise<boolean> {
    const [row] = await this.database.query<{ sessions: number }>(sql);
    return (row?.sessions ?? 0) >= least;
  }
}

/** By what the row that is written is known. A receipt has the hash of the delivery's id. */
function markOf(step: TrapStep, delivery: string): string {
  return step === 'in-receipt' ? createHash('sha256').update(delivery).digest('hex') : delivery;
}
