import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';

/**
 * The place where a task continues. `begins` is true if the task last started from its beginning more than a
 * day ago.
 */
export interface TaskState {
  readonly nextPosition: number;
  readonly begins: boolean;
}

/** The result of a step. `begun` is true if it started from the beginning. */
export interface TaskStep {
  readonly done: boolean;
  readonly nextPosition?: number | undefined;
  readonly begun?: boolean | undefined;
}

/** Stores when each task was last done, and has the lock by which one process does it. */
@Injectable()
export class MaintenanceTaskStore {
  private readonly table: string;

  readonly engine: string;

  constructor(private readonly db: EngineDatabase) {
    this.engine = db.engine;
    this.table = db.tables.integrationMaintenance;
  }

  /** The given tasks that nobody has finished within the last `intervalMs` milliseconds. */
  async due(tasks: readonly string[], intervalMs: number): Promise<string[]> {
    const rows = await this.db.query<{ task: string }>(
      `SELECT t.task FROM unnest($1::text[]) AS t (task) LEFT JOIN ${this.table} m ON m.task = t.task
       WHERE m.task IS NULL OR m.done_at <= clock_timestamp() - $2::float8 * interval '1 millisecond'`,
      [tasks, intervalMs],
    );
    return rows.map((row) => row.task);
  }

  /** Stores what a task has found. */
  async keepResult(task: string, result: object): Promise<void> {
    await this.db.query(`UPDATE ${this.table} SET result = $2::jsonb WHERE task = $1`, [
      task,
      JSON.stringify(result),
    ]);
  }

  /**
   * Runs one step of a task, in one transaction that locks the task's row. The changes of the step and its
   * progress are committed together. Resolves to false if another process is doing it or has done it
   * meanwhile.
   */
  async step(
    task: string,
    intervalMs: number,
    work: (session: EngineSession, state: TaskState) => Promise<TaskStep>,
  ): Promise<boolean> {
    return this.db.transaction(async (session) => {
      await session.query(`INSERT INTO ${this.table} (task) VALUES ($1) ON CONFLICT (task) DO NOTHING`, [
        task,
      ]);
      const [state] = await session.query<TaskState>(
        `SELECT next_position AS "nextPosition", began_at < clock_timestamp() - interval '1 day' AS begins FROM ${this.table}
         WHERE task = $1 AND done_at <= clock_timestamp() - $2::float8 * interval '1 millisecond' FOR UPDATE SKIP LOCKED`,
        [task, intervalMs],
      );
      if (state === undefined) return false;
      const { done, nextPosition, begun } = await work(session, state);
      await session.query(
        `UPDATE ${this.table} SET next_position = coalesce($2, next_position),
           began_at = CASE WHEN $3 THEN clock_timestamp() ELSE began_at END,
           done_at = CASE WHEN $4 THEN clock_timestamp() ELSE done_at END
         WHERE task = $1`,
        [task, nextPosition ?? null, begun ?? false, done],
      );
      return !done;
    });
  }
}
