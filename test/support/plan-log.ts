import type { TestDatabase } from './test-database.js';
import { textsOf, wireMessages } from './wire-messages.js';

/** A node of a plan that was run, as `EXPLAIN (ANALYZE, FORMAT JSON)` has it. */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** A statement as it was run, by whichever client. */
export interface RunStatement {
  readonly sql: string;
  readonly nodes: readonly PlanNode[];
}

/**
 * The plans of all statements that go through a proxy: the server tells the plan of each with a notice (auto_explain).
 */
export class PlanLog {
  private readonly plans: { readonly sql: string; readonly root: PlanNode }[] = [];

  /** Every later session of the database explains what it runs. */
  static async switchOn(database: TestDatabase, settings: Readonly<Record<string, string>>): Promise<void> {
    const { rows } = await database.pool.query('SELECT current_database() AS name');
    const explain = {
      session_preload_libraries: 'auto_explain',
      'auto_explain.log_min_duration': '0',
      'auto_explain.log_analyze': 'on',
      'auto_explain.log_timing': 'off',
      'auto_explain.log_nested_statements': 'on',
      'auto_explain.log_format': 'json',
      'auto_explain.log_level': 'notice',
      'auto_explain.log_parameter_max_length': '0',
    };
    for (const [name, value] of Object.entries({ ...explain, ...settings })) {
      await database.pool.query(`ALTER DATABASE ${rows[0].name} SET ${name} = '${value}'`);
    }
  }

  /** For the server's side. */
  readonly answers = (): ((data: Buffer) => void) =>
    wireMessages(true, (type, body) => {
      if (type !== 'N') return;
      const message = textsOf(body).find((field) => field.startsWith('M'));
      const plan = message?.slice(message.indexOf('{'));
      if (plan === undefined || !message?.includes('plan:')) return;
      const { 'Query Text': sql, Plan: root } = JSON.parse(plan);
      this.plans.push({ sql: sql.trim(), root });
    });

  /** Whether a statement with this piece was run since the last `take`. */
  has(piece: string): boolean {
    return this.plans.some(({ sql }) => sql.includes(piece));
  }

  /** What was run since the last call. */
  take(): RunStatement[] {
    const taken = this.plans.splice(0);
    return taken.map(({ sql, root }) => ({ sql, nodes: flatten(root) }));
  }
}

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}
