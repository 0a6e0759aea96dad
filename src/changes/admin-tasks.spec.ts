import { describe, expect, it } from '@jest/globals';
import type { CursorSnapshot } from '../membership/beat/integration-process.store.js';
import type { BacklogSamples } from '../rates/backlog-samples.js';
import { AdminTasks } from './admin-tasks.js';
import type { OperationRunner } from './operations/operation-runner.js';
import type { RepartitionSteps } from './repartition-steps.js';
import type { ReplayWindowStore } from './replay-window.store.js';

describe('operations that are started while a process ends its look for operations', () => {
  it('are looked for with the next beat', async () => {
    const looks: (() => void)[] = [];
    const operations = { workOff: () => new Promise<void>((resolve) => looks.push(resolve)) };
    const tasks = new AdminTasks(
      {} as ReplayWindowStore,
      {} as RepartitionSteps,
      operations as unknown as OperationRunner,
      { isDue: () => false } as BacklogSamples,
    );
    const beat = () =>
      tasks.beginDue(
        [{ consumerName: 'billing' } as CursorSnapshot],
        () => true,
        () => {},
        [],
      );
    beat();
    expect(looks).toHaveLength(1);
    tasks.operationsChanged();
    beat();
    looks[0]?.();
    await new Promise(setImmediate);
    beat();
    expect(looks).toHaveLength(2);
  });
});
