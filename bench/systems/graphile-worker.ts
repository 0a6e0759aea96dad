import { Logger, run, runMigrations, type TaskList } from 'graphile-worker';
import type pg from 'pg';
import type { BenchEvent } from './bench-event.js';
import type { Handle, MeasuredSystem, Publisher, PublishRoute, SystemOptions } from './measured-system.js';
import { ADD_GRAPHILE_JOBS, UNSETTLED_GRAPHILE_JOB } from './peers.store.js';
import { inTransaction, openPool, openTransactionPublisher, returnsNothing } from './pg-session.js';
import { consumersOf } from './routing.js';

const SILENT = new Logger(() => () => {});

/** The settings under "Quick stats" of its performance page. */
const BEST: Pick<GraphileConfig.WorkerOptions, 'concurrentJobs' | 'maxPoolSize' | 'localQueue'> & {
  completeJobBatchDelay: number;
  failJobBatchDelay: number;
} = {
  concurrentJobs: 24,
  maxPoolSize: 25,
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
};

export class GraphileWorkerSystem implements MeasuredSystem {
  private readonly pool: pg.Pool;

  constructor(
    private readonly options: SystemOptions,
    private readonly best: boolean,
  ) {
    this.pool = openPool(options.url, 2);
  }

  async install(): Promise<void> {
    await runMigrations({ connectionString: this.options.url, logger: SILENT });
  }

  async fill(chunks: Iterable<BenchEvent[]>): Promise<void> {
    await inTransaction(this.options.url, async (client) => {
      for (const events of chunks)
        await client.query(ADD_GRAPHILE_JOBS, [
          JSON.stringify(events.flatMap((event) => this.jobsOf(event))),
        ]);
    });
  }

  async openPublisher(route: PublishRoute): Promise<Publisher | undefined> {
    if (route === 'prisma') return undefined;
    return openTransactionPublisher(this.options.url, (client, event) =>
      client.query(ADD_GRAPHILE_JOBS, [JSON.stringify(this.jobsOf(event))]),
    );
  }

  async consume(handle: Handle): Promise<() => Promise<void>> {
    const taskList: TaskList = Object.fromEntries(
      this.tasks().map((task, consumer) => [
        task,
        async (payload: unknown) => handle(consumer, (payload as BenchEvent).payload.n),
      ]),
    );
    const worker = { connectionString: this.options.url, logger: SILENT, ...(this.best ? BEST : {}) };
    const runner = await run({ preset: { worker }, taskList, parsedCronItems: [], noHandleSignals: true });
    return () => runner.stop();
  }

  isSettled(): Promise<boolean> {
    return returnsNothing(this.pool, UNSETTLED_GRAPHILE_JOB);
  }

  async close(): Promise<void> {
    await this.pool.end();
  }

  private jobsOf(payload: BenchEvent): { identifier: string; payload: BenchEvent }[] {
    return consumersOf(payload, this.options).map((consumer) => ({ identifier: taskOf(consumer), payload }));
  }

  private tasks(): string[] {
    return Array.from({ length: this.options.consumers }, (_, consumer) => taskOf(consumer));
  }
}

function taskOf(consumer: number): string {
  return `invoice_created_${consumer}`;
}
