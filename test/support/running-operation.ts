import { expect } from '@jest/globals';
import type { Operation, OperationService } from '../../src/index.js';
import type { TestDatabase } from './test-database.js';
import { until } from './until.js';
import type { startWorker } from './worker-process.js';

/** Kills the process that works an operation off, once it has changed something. */
export async function killHolderOf(
  operationId: string,
  workers: readonly ReturnType<typeof startWorker>[],
  { pool }: TestDatabase,
): Promise<void> {
  let holder: number | undefined;
  await until('one of them works on it', async () => {
    const { rows } = await pool.query<{ pid: number }>(
      `SELECT p.pid FROM integration.integration_operation o JOIN integration.integration_process p ON p.id = o.lease_owner
       WHERE o.id = $1 AND o.changed > 0`,
      [operationId],
    );
    holder = rows[0]?.pid;
    return holder !== undefined;
  });
  const victim = workers.find(({ pid }) => pid === holder);
  victim?.kill('SIGKILL');
  expect(await victim?.ended).toBe('SIGKILL');
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
