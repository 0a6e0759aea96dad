import { afterEach, beforeEach, describe, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import { plainSubscription } from '../../../test/support/plain-subscription.js';
import {
  KEY,
  SimulatedConnections,
  SimulatedInbox,
  type Statement,
} from '../../../test/support/simulated-inbox.js';
import { HeldLease } from '../../membership/beat/held-lease.js';
import { WorkCounts } from '../../rates/work-counts.js';
import { Consumer, DEFAULT_CONSUMER_OPTIONS } from '../../subscribers/consumer.js';
import { EngineTelemetry } from '../../telemetry/engine-telemetry.js';
import { RepeatedFailures } from '../../words/repeated-failures.js';
import { ConcurrencyLimiter } from '../execution/concurrency-limiter.js';
import { FaultPoints } from '../execution/fault-points.js';
import { ConsumerWorker } from '../worker/consumer-worker.js';
import { FlushPace } from '../worker/flush-pace.js';
import type { WorkerEnvironment } from '../worker/worker-environment.js';
import { Attempt, type OutcomeHandler } from './attempt.js';
import type { Delivery, Outcome } from './delivery.js';
import { EnteredEvents } from './entered-events.js';
import { OutcomeStream } from './outcome-stream.js';
import { RetryPolicy } from './retry-policy.js';

/*
 * This spec checks the order per aggregate against a model. The real worker, with its dispatcher, queues and
 * loops, runs on a simulated database. The simulated database executes and answers each statement when the
 * test says so. Time passes and handlers end when the test says so. These rules must hold in every
 * interleaving: one event of an aggregate runs at a time, no event runs before an earlier one is resolved,
 * and nothing is stuck at the end. Redriven and delayed events are excepted, because no order is promised for
 * them.
 */

const AGGREGATES = ['a', 'b', 'c'];
const SETTINGS = {
  batchSize: 4,
  startupDrainEnabled: false,
  startupDrainBatchSize: 4,
  flushIntervalMs: 10,
  maxAttempts: 3,
  retryBaseDelayMs: 100,
  retryMaxDelayMs: 100,
  deadLetterEnabled: true,
  handlerTimeoutMs: 1_000_000,
  // This is more than a run has. An event that reaches the bound is tested by
  // test/delivery/handlers-that-end-their-session.spec.ts.
  maxInfrastructureFailures: 1_000,
};
const RETRY_MS = 100;
const A_BEAT_MS = 2_000;

interface Run {
  readonly attempt: Attempt;
  readonly done: (outcome: Outcome) => void;
}

interface Setup {
  readonly concurrency: number;
  readonly ordered: boolean;
  readonly transactional: boolean;
  readonly batch: { readonly maxSize: number; readonly maxWaitMs: number } | undefined;
}

/** One process after another works on one consumer. The model checks every start. */
class World {
  readonly inbox = new SimulatedInbox(() => performance.now());
  readonly runs: Run[] = [];
  /** Everything that happened, for the reader of a counterexample. */
  readonly story: string[] = [];
  private connections = new SimulatedConnections(this.inbox);
  private worker: ConsumerWorker;
  /** Positions that are resolved in the memory of the worker that lives now. */
  private resolved = new Set<number>();
  private readonly orderless = new Set<number>();
  private isGivenUp = false;
  /** The graceful end of the worker. It says how the end went once it is over. */
  private ending: { clean?: boolean } | undefined;
  /** Statements of processes that are gone. */
  private readonly lateStatements: Statement[] = [];
  /** How often the effects of a transactional handler were committed, by position. */
  private readonly effects = new Map<number, number>();
  private violation: Error | undefined;

  constructor(private readonly setup: Setup) {
    this.worker = this.begin(false);
  }

  publish(aggregate: string, count: number, delayMs: number | undefined): void {
    for (let i = 0; i < count; i++) {
      const position = this.inbox.publish(aggregate, delayMs);
      if (delayMs !== undefined) this.orderless.add(position);
      this.tell(`publish ${position} of ${aggregate}${delayMs === undefined ? '' : ' delayed'}`);
    }
    this.worker.wake();
  }

  execute(which: number): void {
    const waiting = this.connections.statements.filter((statement) => !statement.isExecuted);
    const statement = pick(waiting, which);
    if (statement === undefined) return;
    this.tell(`execute ${statement.name}`);
    statement.execute();
  }

  answer(which: number): void {
    const statement = pick(this.connections.statements, which);
    if (statement === undefined) return;
    this.tell(`answer ${statement.name}`);
    statement.answer();
  }

  /** The statement is not carried out, because of a statement timeout or because a row is locked. */
  fail(which: number, isLocked: boolean): void {
    const waiting = this.connections.statements.filter((statement) => !statement.isExecuted);
    const statement = pick(waiting, which);
    if (statement === undefined) return;
    const error = isLocked && statement.name === 'settle' ? { code: '55P03' } : { code: '57014' };
    this.tell(`fail ${statement.name} ${error.code}`);
    statement.fail(Object.assign(new Error('not carried out'), error));
  }

  end(which: number, kind: Outcome['kind']): void {
    const run = pick(this.runs, which);
    if (run === undefined) return;
    this.runs.splice(this.runs.indexOf(run), 1);
    const wanted = outcomeOf(kind, run.attempt.delivery);
    const outcome = wanted.kind === 'processed' ? this.commit(run.attempt) : wanted;
    this.tell(`end ${positionsOf(run)} ${outcome.kind}`);
    const isBatch = run.attempt.deliveries.length > 1;
    const isResolved = isBatch
      ? outcome.kind === 'processed'
      : ['processed', 'dead', 'skipped'].includes(outcome.kind);
    if (isResolved) for (const delivery of run.attempt.deliveries) this.resolved.add(delivery.position);
    run.done(outcome);
  }

  /** Commits the effects of a handler together with what its transaction knows of the event. */
  private commit(attempt: Attempt): Outcome {
    if (!this.setup.transactional) return { kind: 'processed' };
    if (attempt.settlesPositions) {
      const positions = attempt.deliveries.map(({ position }) => position);
      const counts = this.inbox.commitBatch(positions);
      for (const [index, position] of positions.entries()) if (counts[index]) this.haveEffect(position);
      return { kind: 'processed' };
    }
    const { position, log, claim, attempt: number } = attempt.delivery;
    const known = this.inbox.commitHandler(position, log.aggregateId, claim && number);
    if (known === true) this.haveEffect(position);
    if (known === true || (known === 'processed' && claim === undefined)) return { kind: 'processed' };
    return { kind: 'elsewhere' };
  }

  private haveEffect(position: number): void {
    this.effects.set(position, (this.effects.get(position) ?? 0) + 1);
    if (this.effects.get(position) !== 1 && !this.orderless.has(position))
      this.fault(`${position} twice in effect`);
  }

  redrive(which: number): void {
    const position = pick([...this.inbox.rows.keys()], which);
    if (position === undefined || !this.inbox.redrive(position)) return;
    this.tell(`redrive ${position}`);
    this.orderless.add(position);
    this.resolved.delete(position);
  }

  discard(which: number): void {
    const position = pick([...this.inbox.rows.keys()], which);
    if (position !== undefined && this.inbox.discard(position)) this.tell(`discard ${position}`);
  }

  beat(): void {
    this.worker.seen(this.inbox.changedByOthers, this.inbox.dueInMs);
    this.worker.resume();
  }

  pass(ms: number): void {
    this.tell(`${ms} ms pass`);
    jest.advanceTimersByTime(ms);
  }

  /** The worker must finish what runs, save, and give the cursor back. */
  endGracefully(): void {
    if (this.ending !== undefined || this.isGivenUp) return;
    this.tell('end gracefully');
    const ending: { clean?: boolean } = {};
    this.ending = ending;
    this.worker.close(performance.now() + 300).then((clean) => {
      ending.clean = clean;
    });
  }

  /**
   * The process is gone, and another one claims the cursor. The server may still carry out what it has
   * received, at once or later: statements, and the commit of a handler's transaction.
   */
  crash(isUnclean: boolean, executed: number, committed: boolean): void {
    for (let i = 0; i < executed; i++) this.execute(0);
    const [run] = this.runs;
    if (run !== undefined && committed) this.commit(run.attempt);
    this.tell(
      `crash${isUnclean ? ', unclean' : ''}${run !== undefined && committed ? ' after a commit' : ''}`,
    );
    this.worker.abandon('crash');
    this.replace(isUnclean);
  }

  /** A statement of a process that is gone is carried out late. */
  executeLate(which: number): void {
    const statement = pick(this.lateStatements, which);
    if (statement === undefined) return;
    this.lateStatements.splice(this.lateStatements.indexOf(statement), 1);
    this.tell(`execute late ${statement.name}`);
    statement.execute();
  }

  private replace(isUnclean: boolean): void {
    this.lateStatements.push(...this.connections.statements.filter(({ isExecuted }) => !isExecuted));
    this.runs.length = 0;
    this.resolved.clear();
    this.isGivenUp = false;
    this.ending = undefined;
    this.connections = new SimulatedConnections(this.inbox);
    this.worker = this.begin(isUnclean);
  }

  /** Lets everything succeed from now on, until nothing is left to do. */
  async settle(): Promise<void> {
    for (let round = 0; round < 400; round++) {
      while (this.connections.statements.length > 0 || this.runs.length > 0) {
        if (this.connections.statements.length > 0) this.answer(0);
        else this.end(0, 'processed');
        await turn();
      }
      this.claimAnew();
      if (this.isSettled && this.worker.isAtRest && this.ending === undefined) return;
      this.pass(round % 10 === 9 ? A_BEAT_MS : 20);
      if (round % 10 === 9) this.beat();
      this.worker.wake();
      await turn();
    }
  }

  /** Does what the processor does with a worker that gives up or that has ended. */
  claimAnew(): void {
    if (this.isGivenUp) this.crash(false, 0, false);
    else if (this.ending?.clean !== undefined) {
      this.tell(`ended, ${this.ending.clean ? 'clean' : 'unclean'}`);
      if (!this.ending.clean) this.worker.abandon('not in time');
      this.replace(!this.ending.clean);
    }
  }

  check(): void {
    if (this.violation !== undefined) throw this.violation;
  }

  checkEnd(): void {
    this.check();
    const open = this.inbox.log.filter(({ position }) => !this.isResolved(position));
    if (open.length > 0) this.fault(`stuck: ${open.map(({ position }) => position)}`);
    if (!this.worker.isAtRest) this.fault('the worker does not come to rest');
    for (const { position } of this.setup.transactional ? this.inbox.log : []) {
      const status = this.inbox.rows.get(position)?.status ?? 'processed';
      if (status === 'processed' && !this.effects.has(position)) this.fault(`${position} without effect`);
    }
    this.check();
  }

  stop(): void {
    this.worker.abandon('the end');
  }

  private get isSettled(): boolean {
    return this.inbox.log.every(({ position }) => this.isResolved(position));
  }

  private begin(isUnclean: boolean): ConsumerWorker {
    const cursor = this.inbox.claimCursor(isUnclean);
    const settings = { snapshot: () => SETTINGS };
    const retries = new RetryPolicy(settings);
    const environment = {
      stores: { ...this.connections.stores, replays: {} },
      reports: { outcomes: new OutcomeStream(), telemetry: new EngineTelemetry({}), work: new WorkCounts() },
      failures: new RepeatedFailures(),
      flushPace: new FlushPace(settings),
      settings,
      execution: {
        faults: new FaultPoints(),
        entered: new EnteredEvents(settings, retries),
        retries,
        slots: new ConcurrencyLimiter(10),
        connections: new ConcurrencyLimiter(Number.POSITIVE_INFINITY),
        runner: {
          begin: (delivery: Delivery, others?: readonly Delivery[]) =>
            new Attempt(delivery, SETTINGS.handlerTimeoutMs, others !== undefined, () => {}, others),
          run: (attempt: Attempt, _lease: HeldLease, onOutcome: OutcomeHandler) => {
            attempt.begin(onOutcome);
            this.started({ attempt, done: (outcome) => attempt.settle(outcome) });
          },
        },
      },
    } as unknown as WorkerEnvironment;
    const { transactional, ...options } = this.setup;
    const consumer = new Consumer(KEY.consumerName, [{ ...plainSubscription, transactional }], {
      ...DEFAULT_CONSUMER_OPTIONS,
      ...options,
    });
    const lease = new HeldLease(KEY, cursor.leaseToken, performance.now(), Number.MAX_SAFE_INTEGER);
    const worker = new ConsumerWorker(environment, consumer, cursor, lease, {
      abandon: (_, reason) => {
        this.tell(`given up: ${reason}`);
        this.isGivenUp = true;
      },
      release: () => this.fault('handed back'),
    });
    worker.start();
    return worker;
  }

  private started(run: Run): void {
    this.tell(`start ${positionsOf(run)}`);
    const { deliveries } = run.attempt;
    for (const [index, delivery] of deliveries.entries()) {
      this.checkStart(
        delivery,
        deliveries.slice(0, index).map(({ position }) => position),
      );
    }
    this.runs.push(run);
  }

  /** `before` holds the events of the same batch that come first. */
  private checkStart({ position, log: { aggregateId } }: Delivery, before: readonly number[]): void {
    if (this.resolved.has(position)) this.fault(`${position} runs again`);
    if (!this.setup.ordered) return;
    for (const { attempt } of this.runs) {
      const other = attempt.deliveries.find(({ log }) => log.aggregateId === aggregateId);
      if (other !== undefined) this.fault(`${position} runs beside ${other.position}`);
    }
    if (this.orderless.has(position)) return;
    for (const { position: earlier, event } of this.inbox.log) {
      if (event.aggregateId !== aggregateId || earlier >= position || this.orderless.has(earlier)) continue;
      if (!this.isResolved(earlier) && !before.includes(earlier))
        this.fault(`${position} runs before ${earlier}`);
    }
  }

  private isResolved(position: number): boolean {
    const row = this.inbox.rows.get(position);
    if (this.resolved.has(position)) return true;
    if (row === undefined) return !this.inbox.unread.has(position);
    if (row.status === 'received') return false;
    return !this.inbox.isUnresolved(row);
  }

  private fault(what: string): void {
    this.tell(`!!! ${what}`);
    this.violation ??= new Error(`${what}\n${this.story.join('\n')}`);
  }

  private tell(what: string): void {
    this.story.push(what);
  }
}

function pick<T>(items: readonly T[], which: number): T | undefined {
  return items[which % Math.max(1, items.length)];
}

function positionsOf({ attempt }: Run): string {
  return attempt.deliveries.map(({ position }) => position).join();
}

function outcomeOf(kind: Outcome['kind'], { attempt }: Delivery): Outcome {
  const error = new Error(kind);
  if (kind === 'retry' && attempt < SETTINGS.maxAttempts) return { kind, delayMs: RETRY_MS, error };
  if (kind === 'skipped') return { kind, reason: 'skipped' };
  if (kind === 'retry' || kind === 'dead') return { kind: 'dead', error };
  return kind === 'infrastructure' ? { kind, error } : { kind: 'processed' };
}

/** Lets everything happen that needs no answer from outside. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const WEIGHTS = {
  publish: 6,
  delayed: 1,
  execute: 8,
  answer: 30,
  'fail statement': 1,
  processed: 8,
  retry: 5,
  dead: 2,
  skipped: 1,
  infrastructure: 1,
  redrive: 1,
  discard: 1,
  beat: 2,
  'a moment': 8,
  'a while': 5,
  crash: 0.4,
  'unclean crash': 0.2,
  'end gracefully': 0.4,
  'execute late': 1,
} as const;

const step = fc.record({
  kind: fc.oneof(
    ...Object.entries(WEIGHTS).map(([kind, weight]) => ({
      arbitrary: fc.constant(kind as keyof typeof WEIGHTS),
      weight: weight * 10,
    })),
  ),
  which: fc.nat({ max: 11 }),
  count: fc.integer({ min: 1, max: 6 }),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function perform(world: World, { kind, which, count }: Step): void {
  const aggregate = AGGREGATES[which % AGGREGATES.length] ?? '';
  if (kind === 'publish') world.publish(aggregate, count, undefined);
  else if (kind === 'delayed') world.publish(aggregate, 1, 150);
  else if (kind === 'execute') world.execute(which);
  else if (kind === 'answer') world.answer(which);
  else if (kind === 'fail statement') world.fail(which, count % 2 === 0);
  else if (kind === 'redrive') world.redrive(which);
  else if (kind === 'discard') world.discard(which);
  else if (kind === 'beat') world.beat();
  else if (kind === 'a moment') world.pass(12);
  else if (kind === 'a while') world.pass(250);
  else if (kind === 'crash') world.crash(false, which % 3, count % 2 === 0);
  else if (kind === 'unclean crash') world.crash(true, which % 3, count % 2 === 0);
  else if (kind === 'end gracefully') world.endGracefully();
  else if (kind === 'execute late') world.executeLate(which);
  else world.end(which, kind);
}

describe('the events of one aggregate', () => {
  beforeEach(() => {
    Logger.overrideLogger(false);
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const setup = fc.record({
    concurrency: fc.constantFrom(1, 3),
    ordered: fc.constantFrom(true, true, true, false),
    transactional: fc.boolean(),
    batch: fc.constantFrom(undefined, undefined, { maxSize: 3, maxWaitMs: 0 }, { maxSize: 3, maxWaitMs: 50 }),
  });

  it('run one after another in order, each after all before it are resolved, and none is stuck', async () => {
    const steps = fc.array(step, { maxLength: 150, size: 'max' });
    await fc.assert(
      fc.asyncProperty(steps, setup, async (play, options) => {
        const world = new World(options);
        try {
          for (const each of play) {
            perform(world, each);
            await turn();
            world.claimAnew();
            world.check();
          }
          await world.settle();
          world.checkEnd();
        } finally {
          world.stop();
          jest.clearAllTimers();
        }
      }),
      { numRuns: Number(process.env.MODEL_RUNS ?? 600) },
    );
  });
});
