import { expect } from '@jest/globals';
import { type Operation, OperationService } from '../../src/index.js';
import type { TestApp } from './app.js';
import type { TestDatabase } from './test-database.js';
import { until } from './until.js';
import type { WorkerProcess } from './worker-process.js';

/** Puts every operation into a state in which another process has it for an hour and does nothing. */
export async function holdOperations({ pool }: TestDatabase, state: 'running' | 'paused'): Promise<void> {
  await pool.query(
    `UPDATE integration.integration_operation SET state = $1, started_at = now(), lease_owner = gen_random_uuid(),
       lease_token = gen_random_uuid(), lease_expires_at = now() + interval '1 hour'`,
    [state],
  );
}

/** Waits until an operation has changed `changed` events. Resolves to the process that works it off. */
export function holderOf(
  operationId: string,
  workers: readonly WorkerProcess[],
  { pool }: TestDatabase,
  changed = 0,
): Promise<WorkerProcess> {
  return until('one of them works on it', async () => {
    const { rows } = await pool.query<{ pid: number }>(
      `SELECT p.pid FROM integration.integration_operation o JOIN integration.integration_process p ON p.id = o.lease_owner
       WHERE o.id = $1 AND o.changed >= $2`,
      [operationId, changed],
    );
    return workers.find(({ pid }) => pid === rows[0]?.pid);
  });
}

/** Kills the process that works an operation off, once it has changed something. */
export async function killHolderOf(
  operationId: string,
  workers: readonly WorkerProcess[],
  database: TestDatabase,
): Promise<void> {
  const victim = await holderOf(operationId, workers, database, 1);
  victim.kill('SIGKILL');
  expect(await victim.ended).toBe('SIGKILL');
}

/** Resolves to the operation once it is done, cancelled or failed. */
export async function operationEnded(operations: OperationService, id: string): Promise<Operation> {
  let operation = await operations.get(id);
  await until('the operation has ended', async () => {
    operation = await operations.get(id);
    return operation.finishedAt !== null;
  });
  return operation;
}

/** Waits until an operation that was started has ended. Resolves to how many events it has changed. */
export async function changedBy(app: Pick<TestApp, 'context'>, started: Promise<Operation>): Promise<number> {
  const operations = app.context.get(OperationService, { strict: false });
  return (await operationEnded(operations, (await started).id)).changed;
}
