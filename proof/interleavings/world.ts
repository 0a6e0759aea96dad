import pg from 'pg';
import type { ProofDatabase } from '../harness/proof-server.js';
import { sleep, until } from '../harness/wait.js';
import type { Command } from './commands.js';
import { EFFECTS_BY_POSITION, EXPIRE_LEASES, PUBLISH, RESET, STATUSES } from './interleavings.store.js';
import { CONSUMERS, type ConsumerName, type ProcessUnderTest } from './process-under-test.js';

/** More takeovers than this may rightly use up the attempts of an innocent event. */
const MOST_EXPIRIES = 2;
const SETTLES_WITHIN_MS = 60_000;

interface Known {
  readonly position: number;
  readonly aggregate: string;
  readonly failures: number;
}

interface OpenTransaction {
  readonly client: pg.Client;
  readonly aggregate: string;
  readonly events: Known[];
}

/** One sequence: what was done, what the model knows of it, and whether the database and the handlers agree in the end. */
export class World {
  private readonly committed: Known[] = [];
  private readonly rolledBack: number[] = [];
  private readonly open = new Map<number, OpenTransaction>();
  /** By consumer and position: how often its effect is to be there. */
  private readonly replays = new Map<string, number>();
  private expiries = 0;
  private disordered = false;

  private constructor(
    private readonly database: ProofDatabase,
    private readonly processes: readonly ProcessUnderTest[],
    /** Runs that ended, as `consumer position`, in order. */
    private readonly handled: string[],
  ) {}

  static async begin(
    database: ProofDatabase,
    processes: readonly ProcessUnderTest[],
    handled: string[],
  ): Promise<World> {
    await database.query(RESET);
    handled.length = 0;
    return new World(database, processes, handled);
  }

  async perform(command: Command): Promise<void> {
    switch (command.kind) {
      case 'publish':
        return this.publish(command.aggregate, command.failures);
      case 'open':
        return this.publishInTransaction(command.tx, command.aggregate, command.failures);
      case 'commit':
      case 'roll back':
        return this.end(command.tx, command.kind === 'commit');
      case 'deliver':
        return this.process(command.by).deliver();
      case 'cut':
        return this.deliverAndCut(command.by, command.afterMs);
      case 'expire':
        if (this.expiries++ < MOST_EXPIRIES) await this.database.query(EXPIRE_LEASES);
        return;
      case 'pause':
        return this.process(0)
          .consumers.pause(nameOf(command.consumer))
          .catch(() => {});
      case 'resume':
        return this.process(0)
          .consumers.resume(nameOf(command.consumer))
          .catch(() => {});
      case 'replay':
        return this.replay(nameOf(command.consumer), command.from);
      case 'redrive':
        return this.redrive();
    }
  }

  /** Ends what is open, lets both processes finish, and says what is wrong. */
  async finish(): Promise<string[]> {
    for (const tx of [...this.open.keys()]) await this.end(tx, true);
    for (const name of CONSUMERS) await this.untilHeard(() => this.process(0).consumers.resume(name));
    await this.database.query(EXPIRE_LEASES);
    await until('the sequence is settled', () => this.isSettled(), {
      everyMs: 20,
      withinMs: SETTLES_WITHIN_MS,
    });
    return [
      ...(await this.problemsOfStatus()),
      ...(await this.problemsOfEffects()),
      ...this.problemsOfRuns(),
    ];
  }

  /** For a sequence that broke off. */
  async abandon(): Promise<void> {
    for (const { client } of this.open.values()) await client.end();
    this.open.clear();
  }

  private process(index: number): ProcessUnderTest {
    const process = this.processes[index];
    if (process === undefined) throw new Error(`there is no process ${index}`);
    return process;
  }

  /** A process whose connections were cut a moment ago may need another try. */
  private untilHeard(work: () => Promise<unknown>): Promise<unknown> {
    return until(
      'an answer',
      () =>
        work()
          .then(() => true)
          .catch(() => undefined),
      { everyMs: 20, withinMs: 20_000 },
    );
  }

  private async publish(aggregate: number, failures: number): Promise<void> {
    const name = `a${aggregate}`;
    // Writers of one aggregate take turns; a transaction that is open has its own.
    const [row] = await this.database.query<{ position: number }>(PUBLISH, [name, { failures }]);
    if (row !== undefined) this.committed.push({ position: row.position, aggregate: name, failures });
  }

  private async publishInTransaction(tx: number, aggregate: number, failures: number): Promise<void> {
    let open = this.open.get(tx);
    if (open === undefined) {
      const client = new pg.Client({ connectionString: this.database.url });
      await client.connect();
      await client.query('BEGIN');
      open = { client, aggregate: `tx${tx} a${aggregate}`, events: [] };
      this.open.set(tx, open);
    }
    const { rows } = await open.client.query<{ position: number }>(PUBLISH, [open.aggregate, { failures }]);
    for (const { position } of rows) open.events.push({ position, aggregate: open.aggregate, failures });
  }

  private async end(tx: number, commit: boolean): Promise<void> {
    const open = this.open.get(tx);
    if (open === undefined) return;
    this.open.delete(tx);
    await open.client.query(commit ? 'COMMIT' : 'ROLLBACK');
    await open.client.end();
    if (commit) this.committed.push(...open.events);
    else this.rolledBack.push(...open.events.map(({ position }) => position));
  }

  private async deliverAndCut(by: number, afterMs: number): Promise<void> {
    const process = this.process(by);
    const delivering = process.deliver();
    await sleep(afterMs);
    process.cut();
    await delivering;
  }

  private async replay(consumer: ConsumerName, from: number): Promise<void> {
    const before = await this.statuses();
    await this.untilHeard(() => this.process(1).consumers.replay(consumer, { from: from + 1 }));
    this.disordered = true;
    for (const { position } of this.committed) {
      const key = `${consumer} ${position}`;
      // What is not settled is delivered once in any case.
      const isAgain = position > from && before.get(key) === 'processed';
      if (isAgain) this.replays.set(key, (this.replays.get(key) ?? 0) + 1);
    }
  }

  private async redrive(): Promise<void> {
    await this.untilHeard(() => this.process(1).consumers.redrive({}));
    this.disordered = true;
  }

  private async isSettled(): Promise<boolean> {
    for (const process of this.processes) await process.deliver();
    const statuses = [...(await this.statuses()).values()];
    return statuses.every((status) => status === 'processed' || status === 'dead_letter');
  }

  private async statuses(): Promise<Map<string, string>> {
    const rows = await this.database.query<{ position: number; consumer: string; status: string }>(STATUSES);
    return new Map(rows.map(({ position, consumer, status }) => [`${consumer} ${position}`, status]));
  }

  private async problemsOfStatus(): Promise<string[]> {
    const statuses = await this.statuses();
    return this.eachWanted().flatMap(({ key, event }) => {
      const expected = event.failures >= 99 ? 'dead_letter' : 'processed';
      const status = statuses.get(key);
      return status === expected ? [] : [`${key}: ${status} instead of ${expected}`];
    });
  }

  /** Exactly once for each time it was to be delivered; none for what failed for good or was rolled back. */
  private async problemsOfEffects(): Promise<string[]> {
    const rows = await this.database.query<{ consumer: string; position: number | null }>(
      EFFECTS_BY_POSITION,
    );
    const counts = new Map<string, number>();
    for (const { consumer, position } of rows) {
      const key = `${consumer} ${position}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const wanted = this.eachWanted().filter(({ consumer }) => consumer !== 'plain');
    const keys = new Set(wanted.map(({ key }) => key));
    const strange = [...counts.keys()]
      .filter((key) => !keys.has(key))
      .map((key) => `${key}: an effect of nothing`);
    const wrong = wanted.flatMap(({ key, event }) => {
      const expected = event.failures >= 99 ? 0 : 1 + (this.replays.get(key) ?? 0);
      const count = counts.get(key) ?? 0;
      return count === expected ? [] : [`${key}: ${count} effects instead of ${expected}`];
    });
    return [
      ...strange,
      ...wrong,
      ...this.problemsOfOrder(rows.map((row) => `${row.consumer} ${row.position}`)),
    ];
  }

  private problemsOfRuns(): string[] {
    const runs = new Set(this.handled);
    const lost = this.eachWanted()
      .filter(({ consumer, event, key }) => consumer === 'plain' && event.failures < 99 && !runs.has(key))
      .map(({ key }) => `${key}: never handled`);
    const ghosts = this.rolledBack.filter((position) =>
      CONSUMERS.some((name) => runs.has(`${name} ${position}`)),
    );
    return [
      ...lost,
      ...ghosts.map((position) => `${position}: handled and rolled back`),
      ...this.problemsOfOrder(this.handled.filter((key) => key.startsWith('plain '))),
    ];
  }

  /** The first time of each event, along its aggregate. Replayed and redriven events have no order to keep. */
  private problemsOfOrder(sequence: readonly string[]): string[] {
    if (this.disordered) return [];
    const place = new Map<string, number>();
    for (const [index, key] of sequence.entries()) if (!place.has(key)) place.set(key, index);
    const latest = new Map<string, { key: string; at: number }>();
    const problems: string[] = [];
    for (const { key, consumer, event } of this.eachWanted()) {
      const at = place.get(key);
      if (at === undefined) continue;
      const lane = `${consumer} ${event.aggregate}`;
      const before = latest.get(lane);
      if (before !== undefined && before.at > at) problems.push(`${key}: before ${before.key}`);
      latest.set(lane, { key, at });
    }
    return problems;
  }

  private eachWanted(): { key: string; consumer: ConsumerName; event: Known }[] {
    const ascending = [...this.committed].sort((a, b) => a.position - b.position);
    return CONSUMERS.flatMap((consumer) =>
      ascending.map((event) => ({ key: `${consumer} ${event.position}`, consumer, event })),
    );
  }
}

function nameOf(consumer: number): ConsumerName {
  return CONSUMERS[consumer] ?? 'plain';
}
