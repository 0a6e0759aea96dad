import { EventNames } from '../../src/log/event-names.js';
import type { LogFilter, LogPage, LogWriter } from '../../src/log/outbox-log.store.js';
import { PositionSet } from '../../src/log/position-set.js';
import { logEventAt } from './log-event-at.js';

/** Events of this aggregate are published under its lock, and so have an order to keep. */
export const LOCKED = 'locked';

interface Publication {
  readonly position: number;
  readonly aggregateId: string;
}

/**
 * What Postgres does with the log, as far as a reader can tell: positions drawn at insert and never given back, rows visible at
 * the commit, locks released after it, savepoints that give up their own. Every step is somebody's call.
 */
export class SimulatedLog {
  private nextPosition = 1;
  private readonly visible: Publication[] = [];
  private lockedBy: SimulatedWriter | undefined;

  constructor(private readonly writers: SimulatedWriter[] = []) {}

  writer(): SimulatedWriter {
    const writer = new SimulatedWriter(this, this.writers.length);
    this.writers.push(writer);
    return writer;
  }

  get committed(): readonly Publication[] {
    return this.visible;
  }

  /** The first rows within the ranges, as a snapshot taken now has them. */
  readPage(wanted: PositionSet, rows: number, { eventNames, partitions, chosen }: LogFilter): LogPage {
    const found = this.visible
      .filter(({ position }) => wanted.has(position))
      .sort((a, b) => a.position - b.position)
      .slice(0, rows);
    const names = new EventNames(eventNames);
    const ours = found.filter(
      ({ aggregateId }) =>
        names.match(eventNameOf(aggregateId)) && chosen.includes(partitionOf(aggregateId, partitions)),
    );
    return {
      positions: PositionSet.of(found.map(({ position }) => position)),
      events: ours.map(({ position, aggregateId }) =>
        logEventAt(position, aggregateId, undefined, '{}', eventNameOf(aggregateId)),
      ),
      cut: found.length >= rows,
      partitions:
        chosen.length > 1 ? ours.map(({ aggregateId }) => partitionOf(aggregateId, partitions)) : undefined,
    };
  }

  readWriters(): LogWriter[] {
    return this.writers.flatMap((writer) => {
      return writer.holdsTable ? [{ virtualTransaction: writer.virtualTransaction, prepared: false }] : [];
    });
  }

  draw(): number {
    return this.nextPosition++;
  }

  show(publications: readonly Publication[]): void {
    this.visible.push(...publications);
  }

  tryLock(writer: SimulatedWriter): boolean {
    if (this.lockedBy !== undefined && this.lockedBy !== writer) return false;
    this.lockedBy = writer;
    return true;
  }

  unlock(writer: SimulatedWriter): void {
    if (this.lockedBy === writer) this.lockedBy = undefined;
  }
}

/** One session: a transaction at a time, with at most one savepoint in it. */
export class SimulatedWriter {
  private transactions = 0;
  private published: Publication[] = [];
  /** What the transaction had when its savepoint was set. */
  private savepoint: { published: number; holdsTable: boolean; holdsKey: boolean } | undefined;
  private holdsKey = false;
  /** Its commit is visible, its locks are not released yet. */
  private ending = false;
  holdsTable = false;

  constructor(
    private readonly log: SimulatedLog,
    private readonly index: number,
  ) {}

  get virtualTransaction(): string {
    return `${this.index}/${this.transactions}`;
  }

  publish(aggregateId: string): void {
    if (this.ending) return;
    if (aggregateId === LOCKED) {
      if (!this.log.tryLock(this)) return;
      this.holdsKey = true;
    }
    this.holdsTable = true;
    this.published.push({ position: this.log.draw(), aggregateId });
  }

  setSavepoint(): void {
    if (this.ending) return;
    const { holdsTable, holdsKey } = this;
    this.savepoint ??= { published: this.published.length, holdsTable, holdsKey };
  }

  rollbackToSavepoint(): void {
    if (this.ending || this.savepoint === undefined) return;
    this.published.length = this.savepoint.published;
    this.holdsTable = this.savepoint.holdsTable;
    if (this.holdsKey && !this.savepoint.holdsKey) this.log.unlock(this);
    this.holdsKey = this.savepoint.holdsKey;
    this.savepoint = undefined;
  }

  /** First half of a commit. */
  commit(): void {
    if (this.ending) return;
    this.log.show(this.published);
    this.ending = true;
  }

  /** Second half of a commit. */
  releaseLocks(): void {
    if (this.ending) this.end();
  }

  rollback(): void {
    if (!this.ending) this.end();
  }

  private end(): void {
    this.log.unlock(this);
    this.transactions++;
    this.published = [];
    this.savepoint = undefined;
    this.holdsKey = false;
    this.holdsTable = false;
    this.ending = false;
  }
}

/** The events of an aggregate have a name of their own. */
export function eventNameOf(aggregateId: string): string {
  return `thing.${aggregateId}`;
}

/** Some spread of the aggregates: the real one is the database's. */
export function partitionOf(aggregateId: string, partitions: number): number {
  return aggregateId.charCodeAt(aggregateId.length - 1) % partitions;
}
