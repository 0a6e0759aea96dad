import { afterEach, beforeEach, describe, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import { KEY, SimulatedConnections, SimulatedInbox } from '../../test/support/simulated-inbox.js';
import { HeldLease } from '../inbox/lease-keeper.js';
import { Consumer, DEFAULT_CONSUMER_OPTIONS } from '../subscribers/consumer.js';
import { Attempt } from './attempt.js';
import { ConsumerWorker } from './consumer-worker.js';
import type { Delivery, Outcome } from './delivery.js';
import { FaultPoints } from './fault-points.js';
import { HandlerSlots } from './handler-slots.js';
import { OutcomeStream } from './outcome-stream.js';
import type { WorkerEnvironment } from './worker-context.js';

/*
 * Order per aggregate, against a model: the real worker with its dispatcher, lanes, settle buffer and loops on a simulated
 * database, which carries out and answers each statement when the test says; time, too, passes when the test says. Handlers end as
 * the test says. Whatever the interleaving: of one aggregate one event runs at a time, none before an earlier one is
 * resolved (but redriven and delayed ones, for which no order is promised), and nothing is stuck in the end.
 */

const AGGREGATES = ['a', 'b', 'c'];
const SETTINGS = {
  batchSize: 4,
  startupDrainEnabled: false,
  startupDrainBatchSize: 4,
  flushIntervalMs: 10,
  maxAttempts: 3,
  deadLetterEnabled: true,
  handlerTimeoutMs: 1_000_000,
};
const RETRY_MS = 100;
const A_BEAT_MS = 2_000;

const subscription = {
  consumerName: KEY.consumerName,
  eventNames: ['*'],
  handler: () => {},
  transactional: false,
  retry: {},
  timeoutMs: undefined,
  priority: 0,
  place: 'test',
};

interface Run {
  readonly attempt: Attempt;
  readonly done: (outcome: Outcome) => void;
}

/** One process after another works on one consumer; the model checks every start. */
class World {
  readonly inbox = new SimulatedInbox(() => performance.now());
  readonly runs: Run[] = [];
  /** Everything that happened, for the reader of a counterexample. */
  readonly story: string[] = [];
  private connections = new SimulatedConnections(this.inbox);
  private worker: ConsumerWorker;
  /** Resolved in the memory of the worker that lives now. */
  private resolved = new Set<number>();
  private readonly orderless = new Set<number>();
  private isGivenUp = false;
  private violation: Error | undefined;

  constructor(private readonly concurrency: number) {
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

  /** It is not carried out: a statement timeout, or a row that is locked. */
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
    const outcome = outcomeOf(kind, run.attempt.delivery);
    this.tell(`end ${positionsOf(run)} ${outcome.kind}`);
    if (outcome.kind !== 'retry' && outcome.kind !== 'infrastructure') {
      for (const delivery of run.attempt.deliveries) this.resolved.add(delivery.position);
    }
    run.done(outcome);
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

  /** The process is gone; another one claims the cursor. What the server has got already, it may still carry out. */
  crash(isUnclean: boolean, executed: number): void {
    for (let i = 0; i < executed; i++) this.execute(0);
    this.tell(`crash${isUnclean ? ', unclean' : ''}`);
    this.worker.drop('crash');
    this.runs.length = 0;
    this.resolved.clear();
    this.isGivenUp = false;
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
      if (this.isSettled && this.worker.isAtRest) return;
      this.pass(round % 10 === 9 ? A_BEAT_MS : 20);
      if (round % 10 === 9) this.beat();
      this.worker.wake();
      await turn();
    }
  }

  /** What the processor does with a worker that gives up. */
  claimAnew(): void {
    if (this.isGivenUp) this.crash(false, 0);
  }

  check(): void {
    if (this.violation !== undefined) throw this.violation;
  }

  checkEnd(): void {
    this.check();
    const open = this.inbox.log.filter(({ position }) => !this.isResolved(position));
    if (open.length > 0) this.fault(`stuck: ${open.map(({ position }) => position)}`);
    if (!this.worker.isAtRest) this.fault('the worker does not come to rest');
    this.check();
  }

  stop(): void {
    this.worker.drop('the end');
  }

  private get isSettled(): boolean {
    return this.inbox.log.every(({ position }) => this.isResolved(position));
  }

  private begin(isUnclean: boolean): ConsumerWorker {
    const cursor = this.inbox.claimCursor(isUnclean);
    const environment = {
      ...this.connections.stores,
      replays: {},
      outcomes: new OutcomeStream(),
      faults: new FaultPoints(),
      slots: new HandlerSlots(10),
      settings: { snapshot: () => SETTINGS },
      runner: {
        begin: (deliveries: [Delivery, ...Delivery[]], isBatch: boolean) =>
          new Attempt(deliveries, SETTINGS.handlerTimeoutMs, isBatch),
        run: (attempt: Attempt, _lease: HeldLease, done: (outcome: Outcome) => void) => {
          this.started({ attempt, done: (outcome) => attempt.settle() && done(outcome) });
        },
      },
    } as unknown as WorkerEnvironment;
    const consumer = new Consumer(KEY.consumerName, [subscription], {
      ...DEFAULT_CONSUMER_OPTIONS,
      concurrency: this.concurrency,
    });
    const lease = new HeldLease(KEY, cursor.leaseToken, performance.now(), Number.MAX_SAFE_INTEGER);
    const worker = new ConsumerWorker(environment, consumer, cursor, lease, {
      giveUp: (_, reason) => {
        this.tell(`given up: ${reason}`);
        this.isGivenUp = true;
      },
      handBack: () => this.fault('handed back'),
    });
    worker.start();
    return worker;
  }

  private started(run: Run): void {
    this.tell(`start ${positionsOf(run)}`);
    for (const delivery of run.attempt.deliveries) this.checkStart(delivery);
    this.runs.push(run);
  }

  private checkStart({ position, log: { aggregateId } }: Delivery): void {
    for (const { attempt } of this.runs) {
      const other = attempt.deliveries.find(({ log }) => log.aggregateId === aggregateId);
      if (other !== undefined) this.fault(`${position} runs beside ${other.position}`);
    }
    if (this.resolved.has(position)) this.fault(`${position} runs again`);
    if (this.orderless.has(position)) return;
    for (const { position: earlier, event } of this.inbox.log) {
      if (event.aggregateId !== aggregateId || earlier >= position || this.orderless.has(earlier)) continue;
      if (!this.isResolved(earlier)) this.fault(`${position} runs before ${earlier}`);
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

/** Lets everything happen that can without an answer from outside. */
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
  else if (kind === 'crash') world.crash(false, which % 3);
  else if (kind === 'unclean crash') world.crash(true, which % 3);
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

  it('run one after another in order, each after all before it are resolved, and none is stuck', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 150, size: 'max' }),
        fc.constantFrom(1, 3),
        async (steps, concurrency) => {
          const world = new World(concurrency);
          try {
            for (const each of steps) {
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
        },
      ),
      { numRuns: Number(process.env.MODEL_RUNS ?? 300) },
    );
  });
});
