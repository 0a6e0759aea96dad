import fc, { type RunDetails } from 'fast-check';
import { monotonicMs } from '../harness/clock.js';
import type { ProofDatabase } from '../harness/proof-server.js';
import { type Command, sequences } from './commands.js';
import type { Effect } from './judgement.js';
import { type HandlerWatch, ProcessUnderTest } from './process-under-test.js';
import { type Cast, World } from './world.js';
import { Writers } from './writers.js';

/** A failure is made shorter for so long. */
const SHRINKS_FOR_MS = 60_000;

/** How often a command was performed, and how long it took in all. */
export interface Performed {
  readonly count: number;
  readonly ms: number;
}

/** One pair of processes on a database of their own, playing one sequence after the other. */
export class Lane {
  /** Sequences that were played to their end and found right. */
  played = 0;
  handlerRuns = 0;
  putOffs = 0;
  readonly performed = new Map<string, Performed>();
  private hasFailed = false;

  private constructor(private readonly cast: Cast) {}

  static async open(database: ProofDatabase): Promise<Lane> {
    const runs: Effect[] = [];
    const putOffs = new Map<string, number>();
    const watch: HandlerWatch = {
      handled: (consumer, position) => runs.push({ consumer, position }),
      putsOff: (consumer, position, times) => {
        const key = `${consumer} ${position}`;
        const done = putOffs.get(key) ?? 0;
        putOffs.set(key, done + 1);
        return done < times;
      },
    };
    const start = () => ProcessUnderTest.start(database.url, watch);
    // One after the other, or both would register the consumers.
    const processes = [await start(), await start()] as const;
    return new Lane({
      database,
      processes,
      writers: new Writers(database.url),
      runs,
      putOffs,
      crashes: new Map(),
    });
  }

  /** How many deliveries ended at each fault point. */
  get crashes(): ReadonlyMap<string, number> {
    return this.cast.crashes;
  }

  /**
   * So many sequences; or, where there is a deadline (monotonic), as many as there is time for, and `least` in any case. A failure
   * is made as short as it can be.
   */
  async play(
    seed: number,
    size: { most: number; least: number; deadline: number },
  ): Promise<RunDetails<[Command[]]>> {
    let until = size.deadline;
    const property = fc.asyncProperty(sequences, async (commands) => {
      // What there is no time for counts as passed, so that checking, or shortening, comes to its end.
      if (monotonicMs() > until && (this.hasFailed || this.played >= size.least)) return;
      try {
        await this.playOne(commands);
      } catch (error) {
        if (!this.hasFailed) until = monotonicMs() + SHRINKS_FOR_MS;
        this.hasFailed = true;
        throw error;
      }
    });
    return fc.check(property, { numRuns: size.most, seed, endOnFailure: false });
  }

  async close(): Promise<void> {
    for (const process of this.cast.processes) await process.close();
    await this.cast.writers.close();
  }

  private async playOne(commands: readonly Command[]): Promise<void> {
    const world = await this.timed('begin', () => World.begin(this.cast));
    try {
      for (const command of commands) await this.timed(command.kind, () => world.perform(command));
      const problems = await this.timed('finish', () => world.finish());
      if (problems.length > 0) throw new Error(problems.join('; '));
      if (!this.hasFailed) this.played++;
      this.handlerRuns += this.cast.runs.length;
      this.putOffs += sum(this.cast.putOffs.values());
    } finally {
      await world.abandon();
    }
  }

  private async timed<R>(what: string, work: () => Promise<R>): Promise<R> {
    const startedAt = monotonicMs();
    const result = await work();
    const { count, ms } = this.performed.get(what) ?? { count: 0, ms: 0 };
    this.performed.set(what, { count: count + 1, ms: ms + monotonicMs() - startedAt });
    return result;
  }
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, each) => total + each, 0);
}
