import type { INestApplicationContext } from '@nestjs/common';
import { OperationService } from 'nestjs-integration';
import { OPERATION_RUNNER_MODULE } from '../harness/package-paths.js';

/** Works an operation off to its end; resolves to how many events it has changed. */
export type OperationRun = (id: string) => Promise<number>;

/** The part of the package's own class that is used here. */
interface OperationRunner {
  doPortion(): Promise<boolean>;
}

/**
 * A process that runs consumers works operations off by itself, within a beat. Here it is to happen at a known moment, so the
 * same object is asked for one portion after the other.
 */
export async function operationsOf(application: INestApplicationContext): Promise<OperationRun> {
  const { OperationRunner } = (await import(OPERATION_RUNNER_MODULE)) as {
    OperationRunner: new () => OperationRunner;
  };
  const runner = application.get(OperationRunner, { strict: false });
  const operations = application.get(OperationService, { strict: false });
  return async (id) => {
    for (;;) {
      const { finishedAt, changed } = await operations.get(id);
      if (finishedAt !== null) return changed;
      await runner.doPortion();
    }
  };
}
