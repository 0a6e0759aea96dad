import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Subject } from 'rxjs';
import {
  eventNameOf,
  LOCKED,
  partitionOf,
  SimulatedLog,
  type SimulatedWriter,
} from '../../test/support/simulated-log.js';
import type { EngineDatabase } from '../database/engine-database.js';
import { EventNames } from '../log/event-names.js';
import type { LogReader } from '../log/log-reader.js';
import type { OutboxLogStore } from '../log/outbox-log.store.js';
import { PositionSet } from '../log/position-set.js';
import { SequenceGuard } from '../log/sequence-guard.js';
import { SharedScan } from '../log/sharing/shared-scan.js';
import { CursorReader } from './cursor-reader.js';

type Ask = (...args: Parameters<OutboxLogStore['readPage']>) => ReturnType<OutboxLogStore['readPage']>;

const BYTES = 1_000_000;

/** Statements see the log at the moment when they are made. A test decides when the answers come. */
class Wire implements Pick<OutboxLogStore, 'readPage' | 'readWriters'> {
  private readonly answers: (() => void)[] = [];
  private onStatement = () => {};

  constructor(private readonly log: SimulatedLog) {}

  /** Resolves when a statement waits for an answer. */
  get nextStatement(): Promise<void> {
    if (this.answers.length > 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.onStatement = resolve;
    });
  }

  readonly readPage: Ask = (wanted, rows, _bytes, filter) =>
    this.later(this.log.readPage(wanted, rows, filter));
  readonly readWriters = () => this.later(this.log.readWriters());

  /** Answers one waiting statement. */
  async answer(which: number): Promise<void> {
    this.answers.splice(which % Math.max(1, this.answers.length), 1)[0]?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  async answerAll(): Promise<void> {
    while (this.answers.length > 0) await this.answer(0);
  }

  private later<T>(answer: T): Promise<T> {
    this.onStatement();
    return new Promise((resolve) => this.answers.push(() => resolve(answer)));
  }
}

/** A consumer that reads, and saves some time later. It may crash and begin again with what was saved. */
class Consumer {
  /**
   * The aggregate of each received event, by position. Undefined means that the event is not for this
   * consumer.
   */
  readonly received = new Map<number, string | undefined>();
  private unread = PositionSet.range(1);
  private unsaved: PositionSet[] = [];
  private reader: CursorReader;
  private paging = false;
  private looking = false;
  private caughtUp = false;
  private life = 0;
  /** Resolves when the last page that was asked for has come. */
  paged: Promise<void> = Promise.resolve();
  private log: LogReader;

  constructor(private readonly join: () => LogReader) {
    this.log = join();
    this.reader = this.begin();
  }

  get saved(): string {
    return this.unread.toString();
  }

  get isPaging(): boolean {
    return this.paging;
  }

  get isDone(): boolean {
    return this.caughtUp && !this.reader.hasHoles && !this.paging && !this.looking;
  }

  page(rows: number): void {
    if (this.paging) return;
    const { life } = this;
    this.paging = true;
    this.paged = this.reader.readPage(rows, BYTES).then((page) => {
      if (life !== this.life) return;
      this.paging = false;
      this.caughtUp = !page.cut;
      for (const [from, to] of page.positions.ranges())
        for (let position = from; position < to; position++) this.received.set(position, undefined);
      for (const { position, aggregateId } of page.events) this.received.set(position, aggregateId);
      this.unsaved.push(page.positions, page.swept);
    });
  }

  look(): void {
    if (this.looking) return;
    const { life } = this;
    this.looking = true;
    this.reader.lookAtWriters().then(() => {
      if (life === this.life) this.looking = false;
    });
  }

  save(): void {
    for (const settled of this.unsaved.splice(0)) this.unread.removeAll(settled);
  }

  crash(): void {
    this.life++;
    this.unsaved = [];
    this.paging = false;
    this.looking = false;
    this.log.leave();
    this.log = this.join();
    this.reader = this.begin();
  }

  private begin(): CursorReader {
    return new CursorReader(this.log, this.unread.clone());
  }
}

/** How often each thing happens. The weights make the interleavings that matter frequent. */
const WEIGHTS = {
  publish: 6,
  'publish locked': 4,
  savepoint: 1,
  'roll back to': 1,
  commit: 5,
  release: 5,
  'roll back': 2,
  page: 8,
  'page together': 4,
  look: 8,
  answer: 12,
  save: 2,
  crash: 0.3,
} as const;
type Kind = keyof typeof WEIGHTS;
const kinds = Object.entries(WEIGHTS).map(([kind, weight]) => ({
  arbitrary: fc.constant(kind as Kind),
  weight: weight * 10,
}));

const step = fc.record({
  kind: fc.oneof(...kinds),
  who: fc.nat({ max: 5 }),
  rows: fc.constantFrom(1, 2, 5, 100),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function perform(
  { kind, who, rows }: Step,
  writers: SimulatedWriter[],
  consumers: Consumer[],
  wire: Wire,
): Promise<void> {
  const writer = writers[who % writers.length];
  const consumer = consumers[who % consumers.length];
  if (writer === undefined || consumer === undefined) return;
  if (kind === 'publish') writer.publish(`own ${who}`);
  else if (kind === 'publish locked') writer.publish(LOCKED);
  else if (kind === 'savepoint') writer.setSavepoint();
  else if (kind === 'roll back to') writer.rollbackToSavepoint();
  else if (kind === 'commit') writer.commit();
  else if (kind === 'release') writer.releaseLocks();
  else if (kind === 'roll back') writer.rollback();
  else if (kind === 'page') consumer.page(rows);
  else if (kind === 'page together') for (const each of consumers) each.page(rows);
  else if (kind === 'look') consumer.look();
  else if (kind === 'save') consumer.save();
  else if (kind === 'crash') consumer.crash();
  else await wire.answer(who);
  // A statement that is made is sent before anything else happens.
  await new Promise((resolve) => setImmediate(resolve));
}

async function readToTheEnd(consumer: Consumer, wire: Wire): Promise<void> {
  await wire.answerAll();
  for (let round = 0; round < 100; round++) {
    consumer.page(3);
    await wire.answerAll();
    // The consumer may wait for the others before it sends its statement.
    while (consumer.isPaging) {
      await Promise.race([wire.nextStatement, consumer.paged]);
      await wire.answerAll();
    }
    if (consumer.isDone) break;
    consumer.look();
    await wire.answerAll();
  }
  consumer.save();
}

/** The number of partitions, and the partition and the names that each cursor reads. */
interface Cursors {
  readonly partitions: number;
  readonly of: readonly { readonly partition: number; readonly eventNames: readonly string[] }[];
}

const EVERYTHING = { partition: 0, eventNames: ['*'] };
const ORDERED_ONLY = { partition: 0, eventNames: [eventNameOf(LOCKED)] };
const UNORDERED_ONLY = { partition: 0, eventNames: [eventNameOf('own*')] };

function isFor(
  { partition, eventNames }: Cursors['of'][number],
  partitions: number,
  aggregateId: string,
): boolean {
  const names = new EventNames(eventNames);
  return partitionOf(aggregateId, partitions) === partition && names.match(eventNameOf(aggregateId));
}

/**
 * Fails if a reader loses an event, gets events in a wrong order, gets an event of another partition, or
 * leaves a hole.
 */
async function check({ partitions, of }: Cursors, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120, size: 'max' }), async (steps) => {
      const log = new SimulatedLog();
      const wire = new Wire(log);
      const db = { losses$: new Subject<string>() } as unknown as EngineDatabase;
      const scan = new SharedScan(wire as unknown as OutboxLogStore, db, new SequenceGuard(db));
      const writers = [log.writer(), log.writer(), log.writer()];
      const consumers = of.map((wanted) => new Consumer(() => scan.join({ ...wanted, partitions })));
      for (const each of steps) await perform(each, writers, consumers, wire);
      for (const writer of writers) {
        writer.commit();
        writer.releaseLocks();
      }
      const committed = new Map(log.committed.map(({ position, aggregateId }) => [position, aggregateId]));
      for (const [i, consumer] of consumers.entries()) {
        await readToTheEnd(consumer, wire);
        const positions = [...consumer.received.keys()];
        expect(ascending(positions)).toEqual(ascending([...committed.keys()]));
        for (const [position, aggregateId] of committed) {
          const isMine = isFor(of[i] ?? EVERYTHING, partitions, aggregateId);
          expect(consumer.received.get(position)).toBe(isMine ? aggregateId : undefined);
        }
        const locked = positions.filter((position) => consumer.received.get(position) === LOCKED);
        expect(locked).toEqual(ascending(locked));
        expect(consumer.saved).toMatch(/^\{\[\d+,\)\}$/);
      }
    }),
    { numRuns: Math.ceil(numRuns * Number(process.env.MODEL_SHARE ?? 1)) },
  );
}

function ascending(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}

/** Cursors that are close together wait for each other in real time, so a busy machine takes much longer. */
const MANY_RUNS_MS = 300_000;

describe('a cursor’s reader', () => {
  const does =
    'loses nothing, keeps the order of serialized events and leaves no hole, whatever the writers do';
  it(does, () => check({ partitions: 1, of: [EVERYTHING] }, 2_000), MANY_RUNS_MS);
  it(
    `${does}, beside another`,
    () => check({ partitions: 1, of: [EVERYTHING, EVERYTHING] }, 800),
    MANY_RUNS_MS,
  );
  it(
    `${does}, beside those of other partitions`,
    () => check({ partitions: 2, of: [EVERYTHING, { ...EVERYTHING, partition: 1 }, EVERYTHING] }, 800),
    MANY_RUNS_MS,
  );
  it(
    `${does}, beside those that want other names`,
    () => check({ partitions: 1, of: [ORDERED_ONLY, EVERYTHING, UNORDERED_ONLY] }, 1_500),
    MANY_RUNS_MS,
  );
});
