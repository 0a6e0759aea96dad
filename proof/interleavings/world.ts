import type { FaultPointName } from 'nestjs-integration/testing';
import type { ProofDatabase } from '../harness/proof-server.js';
import { sleep, until } from '../harness/wait.js';
import { Admin } from './admin.js';
import type { Command, Delivering } from './commands.js';
import { CONSUMERS, MOST_ENDS } from './consumers.js';
import { isSettled, look, openRequests } from './event-state.js';
import { EFFECTS_IN_ORDER, EXPIRE_LEASES, PARTITIONS, RESET } from './interleavings.store.js';
import { type Effect, judge } from './judgement.js';
import { Model } from './model.js';
import type { ProcessUnderTest } from './process-under-test.js';
import type { Writers } from './writers.js';

/** A machine that stalls is no failure. */
const SETTLES_WITHIN_MS = 60_000;

/** What the sequences of a run have in common. */
export interface Cast {
  readonly database: ProofDatabase;
  readonly processes: readonly [ProcessUnderTest, ProcessUnderTest];
  readonly writers: Writers;
  /** Runs of handlers that ended well, in order. */
  readonly runs: Effect[];
  /** How often handlers asked whether they put an event off, by consumer and position. */
  readonly putOffs: Map<string, number>;
  /** How many deliveries ended at each fault point. */
  readonly crashes: Map<FaultPointName, number>;
}

/** One sequence: does what the commands say, tells the model, and compares what came of it. */
export class World {
  private readonly model = new Model();
  private readonly admin: Admin;
  /** Crashes and takeovers that may have cost an attempt. */
  private ends = 0;

  private constructor(private readonly cast: Cast) {
    this.admin = new Admin(cast.database, cast.processes[1], this.model);
  }

  static async begin(cast: Cast): Promise<World> {
    await cast.database.query(RESET);
    cast.runs.length = 0;
    cast.putOffs.clear();
    return new World(cast);
  }

  async perform(command: Command): Promise<void> {
    const { writers } = this.cast;
    switch (command.kind) {
      case 'publish':
        for (const event of command.events) await writers.publish(event, this.model);
        return;
      case 'open':
        for (const event of command.events) await writers.publishIn(command.tx, event);
        return;
      case 'commit':
      case 'roll back':
        return writers.end(command.tx, command.kind === 'commit', this.model);
      case 'deliver':
        return command.by === 'both'
          ? this.deliverAll(command.how)
          : this.process(command.by).deliver(command.how);
      case 'cut':
        return this.deliverAndCut(command);
      case 'crash':
        return this.deliverAndCrash(command);
      case 'expire':
        if (this.ends++ < MOST_ENDS) await this.cast.database.query(EXPIRE_LEASES);
        return;
      case 'take over':
        return this.takeOver(command);
      case 'pause':
        return this.admin.pause(command.consumer);
      case 'resume':
        return this.admin.resume(command.consumer);
      case 'replay':
        return this.admin.replay(command.consumer, command.from + 1);
      case 'filtered replay':
        return this.admin.replayFiltered(command.consumer, command.from + 1, command.names);
      case 'redrive':
        return this.admin.redrive(command.consumer, command.limit);
      case 'discard':
        return this.admin.discard(command.consumer, command.state, command.limit);
      case 'repartition':
        return this.repartition(command);
      case 'retention':
        return this.admin.retain(this.process(command.by), command.oldUpTo);
    }
  }

  /** Ends what is open, lets both processes finish, and says what is wrong. */
  async finish(): Promise<string[]> {
    const { database, writers, runs } = this.cast;
    await writers.endAll(true, this.model);
    for (const consumer of CONSUMERS) await this.admin.resume(consumer);
    await database.query(EXPIRE_LEASES);
    // What is put off again and again would take a round each time.
    if (this.cast.putOffs.size > 0) await this.process(0).deliver('drain');
    const options = { everyMs: 15, withinMs: SETTLES_WITHIN_MS };
    let left = '';
    const isSettled = async () => {
      left = await this.unsettled();
      return left === '';
    };
    await until('the sequence is settled', isSettled, options).catch((error) => {
      throw new Error(`${error.message}; left: ${left}`);
    });
    const happened = { states: await look(database), effects: await this.effects(), runs };
    return [
      ...this.admin.problems,
      ...judge(this.model, happened),
      ...(await this.admin.problemsOfRetention(this.process(0), () => this.deliverAll('round'))),
    ];
  }

  /** For a sequence that broke off. */
  abandon(): Promise<void> {
    return this.cast.writers.endAll(false, this.model);
  }

  private process(index: number): ProcessUnderTest {
    const process = this.cast.processes[index];
    if (process === undefined) throw new Error(`there is no process ${index}`);
    return process;
  }

  private async deliverAll(how: Delivering): Promise<void> {
    await Promise.all(this.cast.processes.map((process) => process.deliver(how)));
  }

  private async deliverAndCut({ by, how, afterMs }: Extract<Command, { kind: 'cut' }>): Promise<void> {
    this.model.crashes++;
    const process = this.process(by);
    const delivering = process.deliver(how);
    await sleep(afterMs);
    process.cut();
    await delivering;
  }

  private async deliverAndCrash(command: Extract<Command, { kind: 'crash' }>): Promise<void> {
    const { by, how, event, at, consumer } = command;
    await this.cast.writers.publish(event, this.model);
    if (this.ends >= MOST_ENDS) return this.process(by).deliver(how);
    const crash = (process: ProcessUnderTest) => process.deliverAndCrash(how, at, consumer);
    if (!(await crash(this.process(by))) && !(await crash(this.process(1 - by)))) return;
    this.ends++;
    this.model.crashes++;
    this.cast.crashes.set(at, (this.cast.crashes.get(at) ?? 0) + 1);
  }

  /** The owner does not know: its handlers go on, and its saves come too late. */
  private async takeOver({ by, how, afterMs }: Extract<Command, { kind: 'take over' }>): Promise<void> {
    const delivering = this.process(by).deliver(how);
    await sleep(afterMs);
    if (this.ends < MOST_ENDS) {
      this.ends++;
      this.model.crashes++;
      await this.cast.database.query(EXPIRE_LEASES);
    }
    await this.process(1 - by).deliver(how);
    await delivering;
  }

  private async repartition(command: Extract<Command, { kind: 'repartition' }>): Promise<void> {
    const { by, consumer, partitions, afterMs } = command;
    const delivering = afterMs === undefined ? undefined : this.process(by).deliver('drain');
    if (afterMs !== undefined) await sleep(afterMs);
    await this.admin.repartition(consumer, partitions);
    await delivering;
  }

  /** After another round of both: what is still under way, in words; empty: nothing. */
  private async unsettled(): Promise<string> {
    const { database, processes } = this.cast;
    await this.deliverAll('round');
    const replays = await openRequests(database);
    // Their windows are sent by a drain. One after the other: two that claim at once wait for each other.
    if (replays.length > 0) for (const process of processes) await process.deliver('drain');
    const states = (await look(database)).filter((state) => !isSettled(state));
    const partitions = await database.query<{ consumer: string; isChanging: boolean }>(PARTITIONS);
    return [
      ...states.map(
        ({ consumer, position, status, unread }) =>
          `${consumer} ${position} ${status}${unread ? ' and unread' : ''}`,
      ),
      ...replays.map(({ next }) => `a replay at ${next}`),
      ...partitions.filter(({ isChanging }) => isChanging).map(({ consumer }) => `partitions of ${consumer}`),
    ].join(', ');
  }

  private async effects(): Promise<Effect[]> {
    const positions = new Map(this.model.expected.map(({ event }) => [event.id, event.position]));
    const rows = await this.cast.database.query<Pick<Effect, 'consumer'> & { eventId: string }>(
      EFFECTS_IN_ORDER,
    );
    return rows.map(({ consumer, eventId }) => ({ consumer, position: positions.get(eventId) }));
  }
}
