import type { ProofDatabase } from '../harness/proof-server.js';
import { until } from '../harness/wait.js';
import type { DiscardedState } from './commands.js';
import { type ConsumerName, isNamed } from './consumers.js';
import { type EventState, isSettled, look, openRequests, positionsOfLog } from './event-state.js';
import { BEGIN_RETENTION_ANEW, COME_OF_AGE, ORPHANED_ROWS, PARTITIONS } from './interleavings.store.js';
import type { Model } from './model.js';
import type { ProcessUnderTest } from './process-under-test.js';

const REASON = 'set aside by a command';
const RETENTION_WITHIN_MS = 5_000;

/** What admins and maintenance do, each checked at once as far as it can be, and told to the model. */
export class Admin {
  readonly problems: string[] = [];

  constructor(
    private readonly database: ProofDatabase,
    private readonly process: ProcessUnderTest,
    private readonly model: Model,
  ) {}

  async pause(consumer: ConsumerName): Promise<void> {
    await untilHeard(() => this.process.consumers.pause(consumer));
  }

  async resume(consumer: ConsumerName): Promise<void> {
    await untilHeard(() => this.process.consumers.resume(consumer));
  }

  async replay(consumer: ConsumerName, from: number): Promise<void> {
    const before = await this.statesOf(consumer);
    await untilHeard(() => this.process.consumers.replayAtOnce(consumer, { from }));
    const again = before.filter((state) => state.position >= from && isSettled(state));
    this.model.putBack(consumer, positionsOf(again));
  }

  async replayFiltered(consumer: ConsumerName, from: number, eventNames: readonly string[]): Promise<void> {
    const before = await this.statesOf(consumer);
    const { id } = await untilHeard(() => this.process.consumers.replay(consumer, { from, eventNames }));
    const isWanted = (position: number) => {
      const expected = this.model.of(consumer, position);
      return expected !== undefined && isNamed(expected.event.name, eventNames);
    };
    const again = before.filter(
      (state) => state.position >= from && isSettled(state) && isWanted(state.position),
    );
    this.model.requested(id, consumer, positionsOf(again));
  }

  async redrive(consumerName: ConsumerName, limit: number): Promise<void> {
    const dead = (await this.statesOf(consumerName)).filter(({ status }) => status === 'dead_letter');
    const expected = dead.slice(0, limit);
    const { id } = await untilHeard(() =>
      this.process.consumers.redrive({ consumerName }, { maxEvents: limit }),
    );
    const count = await untilHeard(() => this.process.workOff(id));
    if (count !== expected.length)
      this.problems.push(`redriven: ${count} of ${consumerName} instead of ${expected.length}`);
    this.model.redriven(consumerName, positionsOf(expected));
  }

  /** The oldest rows that match are skipped from now on, with the reason, and no others. */
  async discard(consumerName: ConsumerName, state: DiscardedState, limit: number): Promise<void> {
    const before = await this.statesOf(consumerName);
    const options = { maxEvents: limit, states: state && [state] };
    const { id } = await untilHeard(() => this.process.consumers.discard({ consumerName }, REASON, options));
    const count = await untilHeard(() => this.process.workOff(id));
    const expected = before.filter((event) => isDiscardable(event, state)).slice(0, limit);
    const after = new Map((await this.statesOf(consumerName)).map((event) => [event.position, event]));
    const isSkipped = ({ position }: EventState) => after.get(position)?.rowStatus === 'skipped';
    const kept = expected.filter((event) => !isSkipped(event));
    const others = before.filter(
      (event) => isSkipped(event) && event.rowStatus !== 'skipped' && !expected.includes(event),
    );
    const unexplained = expected.filter(({ position }) => after.get(position)?.reason !== REASON);
    if (count !== expected.length || kept.length + others.length + unexplained.length > 0) {
      const lists = [expected, kept, others, unexplained].map((states) => `[${positionsOf(states)}]`);
      this.problems.push(
        `discarded: ${count} of ${consumerName}, expected ${lists[0]}, kept ${lists[1]}, others ${lists[2]}, without reason ${lists[3]}`,
      );
    }
    for (const { position, status } of expected)
      this.model.discarded(consumerName, position, status === 'dead_letter');
  }

  /** Asks; where somebody holds a lease, the change comes later. */
  async repartition(consumer: ConsumerName, partitions: number): Promise<void> {
    await untilHeard(() => this.process.consumers.repartition(consumer, partitions, { timeoutMs: 0 }));
    this.model.partitions.set(consumer, partitions);
  }

  /** Only what is of age and settled for everybody, and what nobody has asked for, may go. */
  async retain(process: ProcessUnderTest, oldUpTo: number): Promise<void> {
    const before = await look(this.database);
    this.model.saw(await openRequests(this.database));
    for (const position of await this.runRetention(process, oldUpTo)) {
      this.model.gone.add(position);
      const needed = before.filter(
        (state) => state.position === position && (!isDone(state) || this.isToBeSent(state)),
      );
      if (!this.model.old.has(position)) this.problems.push(`retention: ${position} deleted, and too young`);
      for (const { consumer, status } of needed)
        this.problems.push(`retention: ${position} deleted, ${status} for ${consumer}`);
    }
  }

  /** At the end of a sequence: all is of age, and nothing is left but dead letters; partitions are as asked for. */
  async problemsOfRetention(process: ProcessUnderTest, deliverAll: () => Promise<void>): Promise<string[]> {
    const dead = (await look(this.database)).filter(({ status }) => status === 'dead_letter');
    const needed = new Set(positionsOf(dead));
    const kept = async () => {
      await this.runRetention(process, Number.MAX_SAFE_INTEGER);
      return [...(await positionsOfLog(this.database))].filter((position) => !needed.has(position));
    };
    // Somebody may not have read yet what he does not want.
    const isClean = async () => {
      if ((await kept()).length === 0) return true;
      await deliverAll();
      return false;
    };
    await until('retention', isClean, { everyMs: 50, withinMs: RETENTION_WITHIN_MS }).catch(() => {});
    const left = await kept();
    const log = await positionsOfLog(this.database);
    const lost = [...needed].filter((position) => !log.has(position));
    const [orphans] = await this.database.query<{ rows: number }>(ORPHANED_ROWS);
    return [
      ...left.map((position) => `retention: ${position} kept, and nobody needs it`),
      ...lost.map((position) => `retention: ${position} deleted, and a dead letter`),
      ...(orphans?.rows === 0 ? [] : [`retention: ${orphans?.rows} rows of deleted events left`]),
      ...(await this.problemsOfPartitions()),
    ];
  }

  private async problemsOfPartitions(): Promise<string[]> {
    const rows = await this.database.query<{ consumer: ConsumerName; cursors: number; partitions: number }>(
      PARTITIONS,
    );
    return rows
      .map((row) => ({ ...row, asked: this.model.partitions.get(row.consumer) }))
      .filter(({ cursors, partitions, asked }) => cursors !== asked || partitions !== asked)
      .map(
        ({ consumer, cursors, partitions, asked }) =>
          `${consumer}: ${cursors} cursors of ${partitions} partitions instead of ${asked}`,
      );
  }

  /** From the log's head on; resolves to the positions that are gone after it. */
  private async runRetention(process: ProcessUnderTest, oldUpTo: number): Promise<number[]> {
    const before = await positionsOfLog(this.database);
    for (const position of before) if (position <= oldUpTo) this.model.old.add(position);
    await this.database.query(COME_OF_AGE, [oldUpTo]);
    await this.database.query(BEGIN_RETENTION_ANEW);
    await untilHeard(() => process.retain());
    const after = await positionsOfLog(this.database);
    return [...before].filter((position) => !after.has(position));
  }

  private isToBeSent({ consumer, position }: EventState): boolean {
    return this.model.isToBeSent(consumer, position);
  }

  /** Before something is asked for: how things stand, filtered replays included. */
  private async statesOf(consumer: ConsumerName): Promise<EventState[]> {
    this.model.saw(await openRequests(this.database));
    return (await look(this.database)).filter((state) => state.consumer === consumer);
  }
}

function positionsOf(states: readonly EventState[]): number[] {
  return states.map(({ position }) => position);
}

function isDone(state: EventState): boolean {
  return isSettled(state) && state.rowStatus !== 'dead_letter';
}

function isDiscardable({ rowStatus, rowHasTime }: EventState, state: DiscardedState): boolean {
  switch (state) {
    case 'dead_letter':
    case 'failed':
      return rowStatus === state;
    case 'waiting':
      return rowStatus === 'received' && rowHasTime === false;
    case 'delayed':
      return rowStatus === 'received' && rowHasTime === true;
    case undefined:
      return rowStatus === 'dead_letter' || rowStatus === 'failed' || rowStatus === 'received';
  }
}

/** A process whose connections were cut a moment ago may need another try. */
async function untilHeard<R>(work: () => Promise<R>): Promise<R> {
  let failure: unknown;
  const attempt = () =>
    work().then(
      (result) => ({ result }),
      (error) => {
        failure = error;
        return undefined;
      },
    );
  const heard = until('an answer', attempt, { everyMs: 5, withinMs: 20_000 });
  return (await heard.catch((error) => Promise.reject(new Error(`${error.message}: ${failure}`)))).result;
}
