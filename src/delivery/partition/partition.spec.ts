import { afterEach, beforeEach, describe, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { plainSubscription } from '../../../test/support/plain-subscription.js';
import { KEY, SimulatedInbox } from '../../../test/support/simulated-inbox.js';
import type { Flush } from '../../inbox/unflushed.js';
import { PositionSet } from '../../log/position-set.js';
import { WorkCounts } from '../../rates/work-counts.js';
import { Consumer, DEFAULT_CONSUMER_OPTIONS } from '../../subscribers/consumer.js';
import { Attempt } from './attempt.js';
import type { Delivery, Outcome } from './delivery.js';
import { EnteredEvents } from './entered-events.js';
import { OutcomeStream } from './outcome-stream.js';
import { Partition } from './partition.js';
import { RetryPolicy } from './retry-policy.js';

/*
 * This spec checks a partition against a simple model. There is no database, worker or loop. The test makes
 * their calls. The model knows which events run and which are resolved. The inbox is the simulated one.
 */

const AGGREGATES = ['a', 'b'];
const SETTINGS = {
  maxAttempts: 3,
  retryBaseDelayMs: 100,
  retryMaxDelayMs: 100,
  deadLetterEnabled: true,
  maxInfrastructureFailures: 1_000,
};
const RETRY_MS = 100;

interface Setup {
  readonly concurrency: number;
  readonly ordered: boolean;
  readonly batch: { readonly maxSize: number; readonly maxWaitMs: number } | undefined;
}

type Ending = 'processed' | 'retry' | 'dead' | 'skipped' | 'postponed' | 'infrastructure';

class World {
  readonly story: string[] = [];
  private readonly inbox = new SimulatedInbox(() => performance.now());
  private readonly partition: Partition;
  private readonly token = this.inbox.claimCursor(false).leaseToken;
  private readonly running: Attempt[] = [];
  private readonly resolved = new Set<number>();
  /** How many attempts of each event have counted. */
  private readonly counted = new Map<number, number>();
  /** Positions that a flush has taken along. None of them may be taken a second time. */
  private readonly flushed = new Set<number>();
  private flush: Flush | undefined;
  private readonly wanted = PositionSet.range(1);
  /**
   * Positions whose writers commit late. They are read after later ones of their aggregate, so they have no
   * order.
   */
  private readonly late = new Set<number>();
  private hidden: number | undefined;

  constructor(private readonly setup: Setup) {
    const settings = { snapshot: () => SETTINGS };
    const retries = new RetryPolicy(settings);
    this.partition = new Partition(
      new Consumer(KEY.consumerName, [plainSubscription], { ...DEFAULT_CONSUMER_OPTIONS, ...setup }),
      {
        entered: new EnteredEvents(settings, retries),
        retries,
        outcomes: new OutcomeStream(),
        work: new WorkCounts(),
        cursor: { registeredAt: 0, replays: [] },
        settings,
        process: { id: 'process', host: 'host', pid: 1 },
        attemptFor: (delivery, others) =>
          new Attempt(delivery, 1_000_000, others !== undefined, () => {}, others),
      },
      {
        mayStart: () => {},
        flushWanted: () => {},
        suspectFound: () => this.fault('a suspect'),
        paused: () => {},
        reachability: () => this.fault('out of reach'),
        leaseLost: () => this.fault('lease lost'),
      },
    );
  }

  publish(aggregate: string, count: number): void {
    for (let i = 0; i < count; i++) this.tell(`publish ${this.inbox.publish(aggregate)} of ${aggregate}`);
  }

  /** The next event to read stays out of sight until `showHidden`. */
  hideNext(): void {
    const next = this.inbox.log.find(({ position }) => this.wanted.has(position))?.position;
    if (this.hidden !== undefined || next === undefined) return;
    this.hidden = next;
    this.late.add(next);
    this.wanted.removeRange(next, next + 1);
    this.tell(`${next} is not committed yet`);
  }

  showHidden(): void {
    if (this.hidden === undefined) return;
    this.wanted.addRange(this.hidden, this.hidden + 1);
    this.hidden = undefined;
  }

  read(rows: number): void {
    const { positions, events } = this.inbox.readPage(this.wanted, rows);
    this.wanted.removeAll(positions);
    this.tell(`read ${positions}`);
    this.partition.pageRead({ positions, events }, 0);
  }

  /** Starts what can run. */
  start(): void {
    while (this.partition.canStart) {
      const attempt = this.partition.next();
      if (attempt === undefined) continue;
      this.tell(`start ${positionsOf(attempt)}`);
      const before: number[] = [];
      for (const delivery of attempt.deliveries) {
        this.checkStart(delivery, before);
        before.push(delivery.position);
      }
      this.running.push(attempt);
    }
  }

  end(which: number, ending: Ending): void {
    const [attempt] = this.running.splice(which % Math.max(1, this.running.length), 1);
    if (attempt === undefined) return;
    const outcome = outcomeOf(ending, attempt.delivery);
    this.tell(`end ${positionsOf(attempt)} ${outcome.kind}`);
    const isBatch = attempt.others.length > 0;
    const { position } = attempt.delivery;
    if (!isBatch && outcome.kind === 'retry')
      this.counted.set(position, (this.counted.get(position) ?? 0) + 1);
    const isResolved = isBatch
      ? outcome.kind === 'processed'
      : ['processed', 'dead', 'skipped'].includes(outcome.kind);
    if (isResolved) for (const { position } of attempt.deliveries) this.resolved.add(position);
    this.partition.ended(attempt, outcome);
  }

  /**
   * The handler of a batch says which of its events failed: those of the bits of `mask`, as `endings` says.
   * The later events of the aggregate of a failed one are not resolved.
   */
  endPartly(which: number, mask: number, endings: readonly Ending[]): void {
    const attempt = this.running.find(({ others }) => others.length > 0);
    const isFailed = (index: number) => (mask & (1 << index)) > 0;
    if (attempt === undefined || !attempt.deliveries.some((_, index) => isFailed(index))) return;
    this.running.splice(this.running.indexOf(attempt), 1);
    const failed = new Map<Delivery, Outcome>();
    const held = new Set<string>();
    for (const [index, delivery] of attempt.deliveries.entries()) {
      const { position, log } = delivery;
      const ending = isFailed(index) ? endings[(which + index) % endings.length] : undefined;
      const outcome = outcomeOf(ending ?? 'processed', delivery);
      if (ending !== undefined) failed.set(delivery, outcome);
      if (this.setup.ordered && held.has(log.aggregateId)) continue;
      if (outcome.kind === 'retry') this.counted.set(position, (this.counted.get(position) ?? 0) + 1);
      if (['processed', 'dead', 'skipped'].includes(outcome.kind)) this.resolved.add(position);
      if (!['processed', 'skipped'].includes(outcome.kind)) held.add(log.aggregateId);
    }
    const said = [...failed].map(([{ position }, { kind }]) => `${position} ${kind}`);
    this.tell(`end ${positionsOf(attempt)} ${said}`);
    this.partition.ended(attempt, { kind: 'partly', failed });
  }

  /** A save begins. It takes along what is there. */
  collect(): void {
    if (this.flush !== undefined) return;
    this.flush = this.partition.collectFlush();
    if (this.flush === undefined) return;
    const { positions, exceptions, resolved } = this.flush;
    const all = positions.clone();
    for (const { position } of exceptions) {
      if (all.has(position)) this.fault(`${position} is flushed twice in one save`);
      all.addRange(position, position + 1);
    }
    for (const [from, to] of all.ranges()) {
      for (let position = from; position < to; position++) {
        if (this.flushed.has(position)) this.fault(`${position} is flushed twice`);
        this.flushed.add(position);
      }
    }
    const rows = resolved.map(({ inboxEventId }) => inboxEventId);
    if (new Set(rows).size < rows.length) this.fault('a row is flushed twice in one save');
    this.tell(`collect ${all} rows ${rows}`);
  }

  /** The save is committed and answered. */
  commit(): void {
    if (this.flush === undefined) return;
    const { positions, exceptions, resolved, release, processed } = this.flush;
    const all = positions.clone();
    for (const { position } of exceptions) all.addRange(position, position + 1);
    const result = this.inbox.settle(this.token, { ...this.flush, positions: all.toString() });
    this.flush = undefined;
    this.tell('commit');
    this.partition.flushed({
      ...result,
      positions: all,
      written: exceptions,
      released: release,
      resolved,
      processed,
      dueInMs: [],
    });
  }

  /** Makes a whole save, and what is due after it. */
  save(): void {
    this.collect();
    this.commit();
    this.claim();
  }

  /** Does what a heartbeat does that has seen changes of rows by somebody else. */
  recheck(): void {
    this.tell('recheck');
    this.partition.unresolvedFound(this.inbox.unresolvedAggregates());
    this.partition.recheckUnresolved();
  }

  /** Claims rows as the retry loop does. */
  claim(): void {
    const capacity = this.partition.freeForRetries;
    if (capacity === 0) return;
    const { rows } = this.inbox.claimDue([KEY, this.token, capacity, this.setup.ordered, 'any']);
    this.tell(`claim ${rows.map(({ position }) => position)}`);
    this.partition.rowsClaimed(rows, this.inbox.readByPosition(rows.map(({ position }) => position)), false);
  }

  makeRoom(): void {
    this.partition.makeRoom();
  }

  pass(ms: number): void {
    jest.advanceTimersByTime(ms);
  }

  /** Reads, runs and saves everything that was published. */
  finish(): void {
    this.showHidden();
    for (let round = 0; round < 2 * this.inbox.log.length + 20; round++) {
      this.read(10);
      this.start();
      this.end(0, 'processed');
      this.collect();
      this.commit();
      this.claim();
      this.pass(RETRY_MS);
      this.partition.makeRoom();
    }
    const missing = this.inbox.log.map(({ position }) => position).filter((each) => !this.resolved.has(each));
    if (missing.length > 0) this.fault(`${missing} is lost`);
    const { workload } = this.partition;
    if (!workload.isIdle || !workload.isFlushed || workload.unsettledClaims > 0) this.fault('not at rest');
    if (workload.waitingEvents !== 0 || workload.waitingBytes !== 0) this.fault('a wrong count');
    const unread = this.inbox.log.filter(({ position }) => this.inbox.unread.has(position));
    if (unread.length > 0) this.fault(`${unread.map(({ position }) => position)} is not flushed`);
  }

  private checkStart({ position, attempt, log: { aggregateId } }: Delivery, before: readonly number[]): void {
    const expected = (this.counted.get(position) ?? 0) + 1;
    if (attempt !== expected) this.fault(`${position} runs as attempt ${attempt} and not ${expected}`);
    if (this.resolved.has(position)) this.fault(`${position} runs although it is resolved`);
    const others = this.running.flatMap((attempt) => attempt.deliveries);
    if (others.some((other) => other.position === position)) this.fault(`${position} is handed out twice`);
    if (!this.setup.ordered) return;
    const beside = others.find(({ log }) => log.aggregateId === aggregateId);
    if (beside !== undefined) this.fault(`${position} runs beside ${beside.position}`);
    if (this.late.has(position)) return;
    for (const { position: earlier, event } of this.inbox.log) {
      if (earlier >= position || event.aggregateId !== aggregateId || this.late.has(earlier)) continue;
      if (!this.resolved.has(earlier) && !before.includes(earlier))
        this.fault(`${position} runs before ${earlier}`);
    }
  }

  private tell(what: string): void {
    this.story.push(what);
  }

  private fault(what: string): never {
    throw new Error(`${what}\n${this.story.join('\n')}`);
  }
}

function positionsOf(attempt: Attempt): string {
  return attempt.deliveries.map(({ position }) => position).join();
}

function outcomeOf(ending: Ending, { attempt }: Delivery): Outcome {
  const error = new Error(ending);
  if (ending === 'retry' && attempt < SETTINGS.maxAttempts)
    return { kind: 'retry', delayMs: RETRY_MS, error };
  if (ending === 'postponed') return { kind: 'postponed', delayMs: RETRY_MS, reason: 'later' };
  if (ending === 'skipped') return { kind: 'skipped', reason: 'skipped' };
  if (ending === 'retry' || ending === 'dead') return { kind: 'dead', error };
  return ending === 'infrastructure' ? { kind: 'infrastructure', error } : { kind: 'processed' };
}

const WEIGHTS = {
  publish: 6,
  read: 6,
  'hide next': 1,
  'show hidden': 1,
  processed: 8,
  retry: 6,
  dead: 1,
  skipped: 1,
  postponed: 3,
  infrastructure: 1,
  partly: 4,
  collect: 4,
  commit: 5,
  save: 5,
  claim: 4,
  recheck: 4,
  'make room': 3,
  'a moment': 6,
} as const;

const step = fc.record({
  kind: fc.oneof(
    ...Object.entries(WEIGHTS).map(([kind, weight]) => ({
      arbitrary: fc.constant(kind as keyof typeof WEIGHTS),
      weight,
    })),
  ),
  which: fc.nat({ max: 11 }),
  count: fc.integer({ min: 1, max: 6 }),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function perform(world: World, { kind, which, count }: Step): void {
  if (kind === 'publish') world.publish(AGGREGATES[which % AGGREGATES.length] ?? '', count);
  else if (kind === 'read') world.read(count);
  else if (kind === 'hide next') world.hideNext();
  else if (kind === 'show hidden') world.showHidden();
  else if (kind === 'collect') world.collect();
  else if (kind === 'commit') world.commit();
  else if (kind === 'save') world.save();
  else if (kind === 'claim') world.claim();
  else if (kind === 'recheck') world.recheck();
  else if (kind === 'make room') world.makeRoom();
  else if (kind === 'a moment') world.pass(RETRY_MS);
  else if (kind === 'partly')
    world.endPartly(which, count, ['retry', 'postponed', 'skipped', 'dead', 'infrastructure']);
  else world.end(which, kind);
  world.start();
}

describe('a partition', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const setup = fc.record({
    concurrency: fc.constantFrom(1, 3),
    ordered: fc.constantFrom(true, true, true, false),
    batch: fc.constantFrom(undefined, undefined, { maxSize: 3, maxWaitMs: 0 }, { maxSize: 3, maxWaitMs: 50 }),
  });

  it('loses no event, hands none out twice, keeps the order per aggregate, and flushes each position once', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), setup, (steps, options) => {
        const world = new World(options);
        for (const each of steps) perform(world, each);
        world.finish();
      }),
      { numRuns: Number(process.env.MODEL_RUNS ?? 300) },
    );
  });
});
