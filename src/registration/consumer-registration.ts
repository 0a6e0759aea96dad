import { Injectable, type Logger } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { IntegrationError } from '../errors.js';
import { CursorRegistrationStore, type StoredConsumer } from '../inbox/cursor-registration.store.js';
import { SequenceStore } from '../inbox/sequence.store.js';
import { sequenceBehind } from '../membership/sequence-watch.js';
import type { Consumer } from '../subscribers/consumer.js';
import { loggerOf } from '../words/engine-logger.js';
import { HandOver } from './hand-over.js';
import type { AddedNames } from './hand-over.store.js';
import {
  type CreatedConsumer,
  createdText,
  type ExtendedConsumer,
  extendedText,
  partitionsText,
  type RegistrationResult,
  renamedText,
} from './registration-result.js';

const COUNTING_LIMIT_MS = 5_000;
const HOUR_MS = 3_600_000;
const LONGEST_CONSUMER_NAME = 127;

type StartFrom = Consumer['startFrom'];

/**
 * What is unread from each start on: 'latest', 'recent', or a time. Consumers with the same start share one
 * look, because beside a long INSERT a look passes over all of its rows. An earlier look is as good, because
 * everything behind it is unread.
 */
type Starts = Map<number | 'latest' | 'recent', string>;

type Created = Omit<CreatedConsumer, 'leftOut'> & { readonly consumer: Consumer };

type Added = Omit<ExtendedConsumer, 'from'> & AddedNames;

/**
 * Writes the consumers of this process into the database, where other processes and later versions find them.
 */
@Injectable()
export class ConsumerRegistration {
  private readonly logger: Logger;
  private readonly store: CursorRegistrationStore;

  constructor(
    private readonly db: EngineDatabase,
    private readonly handOver: HandOver = new HandOver(db),
  ) {
    this.logger = loggerOf('IntegrationConsumers', db);
    this.store = new CursorRegistrationStore(db);
  }

  /**
   * Registers all consumers in one transaction. A stored consumer stays as it is, except that it gets the
   * event names that are new to it. Names that the code no longer handles stay. If another process works on a
   * consumer that gets new names, this waits until that process reads no more.
   *
   * @param stopped ends the wait, because nobody is going to publish any more.
   * @throws IntegrationError INTEGRATION_SEQUENCE_BEHIND if the log would hand out positions that a consumer
   * has already passed
   */
  async register(consumers: readonly Consumer[], stopped?: AbortSignal): Promise<RegistrationResult> {
    const result = await this.registerFrom(consumers, (consumer) => consumer.startFrom, stopped);
    await this.warnOfRenamed(consumers, result);
    return result;
  }

  /**
   * Registers consumers whose cursors have vanished although nobody removed them. Nothing tells which events
   * were published since then and which before. So a start at 'latest' becomes 'recent'.
   */
  async registerAnew(
    consumers: readonly Consumer[],
    writtenForMs: number,
  ): Promise<{ anew: string[]; removed: string[] }> {
    const names = consumers.map(({ name }) => name);
    const removed = await this.store.removedSince(writtenForMs, names);
    const vanished = consumers.filter(({ name }) => !removed.includes(name));
    const { created } = await this.registerFrom(vanished, ({ startFrom }) =>
      startFrom === 'latest' ? 'recent' : startFrom,
    );
    return { anew: created.map(({ consumerName }) => consumerName), removed };
  }

  private async registerFrom(
    consumers: readonly Consumer[],
    startOf: (consumer: Consumer) => StartFrom,
    stopped?: AbortSignal,
  ): Promise<RegistrationResult> {
    if (consumers.length === 0) return { created: [], extended: [] };
    this.refuseWhatIsNotHeld(consumers);
    const { created, added, readOn } = await this.store.exclusively((session) =>
      this.write(session, consumers, startOf),
    );
    if (readOn.length > 0) await this.handOver.waitForReaders(readOn, stopped);
    const extended = await this.passedOver(added);
    for (const consumer of extended) this.logger.log(extendedText(consumer, this.db));
    return { created: await this.countLeftOut(created), extended };
  }

  /**
   * Warns of a new consumer that looks like one whose code is gone, because it may be that one under another
   * name.
   */
  private async warnOfRenamed(
    consumers: readonly Consumer[],
    { created }: RegistrationResult,
  ): Promise<void> {
    if (created.length === 0) return;
    const declared = consumers.map(({ name }) => name);
    const abandoned = await this.store.withoutProcess(declared);
    for (const consumer of consumers) {
      if (!created.some(({ consumerName }) => consumerName === consumer.name)) continue;
      const former = abandoned.find(({ eventNames }) => areAlike(eventNames, consumer.eventNames));
      if (former !== undefined) this.logger.warn(renamedText(former.consumerName, consumer, this.db));
    }
  }

  private refuseWhatIsNotHeld(consumers: readonly Consumer[]): void {
    const { narrowText } = this.db;
    if (narrowText === undefined) return;
    for (const { name, eventNames } of consumers) {
      const problems = [
        narrowText.problemOf(name, LONGEST_CONSUMER_NAME),
        ...eventNames.map((eventName) => narrowText.problemOf(eventName)),
      ];
      const problem = problems.find((each) => each !== undefined);
      if (problem === undefined) continue;
      throw new IntegrationError(
        'INTEGRATION_SUBSCRIBER_INVALID',
        `Consumer ${JSON.stringify(name)}: its name, or that of an event, ${problem}`,
        { consumerName: name },
      );
    }
  }

  private async write(
    session: EngineSession,
    consumers: readonly Consumer[],
    startOf: (consumer: Consumer) => StartFrom,
  ) {
    await this.refuseSequenceBehind(session);
    const names = consumers.map(({ name }) => name);
    const stored = new Map(
      (await this.store.stored(session, names)).map((each) => [each.consumerName, each]),
    );
    const growing = consumers.filter(
      (consumer) => addedNames(consumer, stored.get(consumer.name)).length > 0,
    );
    await this.store.lockCursors(
      session,
      growing.map(({ name }) => name),
    );
    const created: Created[] = [];
    const added: Added[] = [];
    const starts: Starts = new Map();
    for (const consumer of consumers) {
      const known = stored.get(consumer.name);
      if (known === undefined) created.push(await this.create(session, consumer, startOf(consumer), starts));
      else added.push(...(await this.extend(session, consumer, known)));
    }
    const readOn = names.filter(
      (name) =>
        stored.get(name)?.isSuperseded || added.some((each) => each.isAsked && each.consumerName === name),
    );
    return { created, added, readOn };
  }

  private async create(
    session: EngineSession,
    consumer: Consumer,
    startFrom: StartFrom,
    starts: Starts,
  ): Promise<Created> {
    const { name: consumerName, eventNames, partitions } = consumer;
    const unread = await this.unreadFrom(session, consumerName, startFrom, starts);
    const { startsAt } = await this.store.insertCursors(session, {
      consumerName,
      eventNames,
      partitions,
      unread,
    });
    return { consumerName, startsAt, partitions, consumer };
  }

  private async extend(session: EngineSession, consumer: Consumer, stored: StoredConsumer): Promise<Added[]> {
    const { name: consumerName, partitions } = consumer;
    if (partitions !== stored.partitions) {
      this.logger.warn(partitionsText(consumerName, stored.partitions, partitions, this.db));
    }
    const added = addedNames(consumer, stored);
    if (added.length === 0) return [];
    const names = await this.handOver.store.addEventNames(session, consumerName, added);
    return [{ consumerName, addedNames: added, ...names }];
  }

  /**
   * An owner that was asked to hand over may have read on for a moment, at most up to now. Everything settled
   * after this is settled with all names.
   */
  private async passedOver(added: readonly Added[]): Promise<ExtendedConsumer[]> {
    const now = added.some(({ isAsked }) => isAsked) ? await this.store.nextPosition(this.db) : 0;
    return added.map(({ consumerName, addedNames, tail, isAsked }) => ({
      consumerName,
      addedNames,
      from: isAsked ? Math.max(tail, now) : tail,
    }));
  }

  private async unreadFrom(
    session: EngineSession,
    name: string,
    startFrom: StartFrom,
    starts: Starts,
  ): Promise<string> {
    if (startFrom === 'earliest') return `{[1,)}`;
    let start = startFrom;
    if (
      start instanceof Date &&
      start.getTime() > (await this.store.anHourAgo(session)).getTime() + HOUR_MS
    ) {
      this.logger.warn(
        `Consumer "${name}" asks to start at ${start.toISOString()}, which is yet to come: it starts with the next event`,
      );
      start = 'latest';
    }
    const key = start instanceof Date ? start.getTime() : start;
    const unread = starts.get(key) ?? (await this.look(session, start));
    starts.set(key, unread);
    return unread;
  }

  private async look(session: EngineSession, start: Exclude<StartFrom, 'earliest'>): Promise<string> {
    if (start === 'latest') return this.unreadFromLatest(session);
    const time = start === 'recent' ? await this.store.anHourAgo(session) : start;
    return `{[${await this.store.positionAt(session, time)},)}`;
  }

  /**
   * Returns everything from the next position on, and the positions of transactions that are still open,
   * because their events are published after this registration. The sequence is read first. So a transaction
   * that owns a position below it is seen holding its lock, or it has ended. Positions that have committed
   * are then removed with a snapshot that is later still.
   */
  private async unreadFromLatest(session: EngineSession): Promise<string> {
    const next = await this.store.nextPosition(session);
    const began = await this.store.oldestWriter(session);
    const from = began === undefined ? next : Math.min(next, await this.store.positionAt(session, began));
    return this.store.uncommittedFrom(session, from, next);
  }

  private async refuseSequenceBehind(session: EngineSession): Promise<void> {
    const behind = await new SequenceStore(this.db).behind(session);
    if (behind !== undefined) throw sequenceBehind(this.db.schema, behind);
  }

  /** Counts one consumer after another within one limit of time, because the boot waits for it. */
  private async countLeftOut(created: readonly Created[]): Promise<CreatedConsumer[]> {
    const deadline = performance.now() + COUNTING_LIMIT_MS;
    const counted: CreatedConsumer[] = [];
    for (const { consumer, ...rest } of created) {
      const leftOut = await this.leftOutBelow(rest.startsAt, consumer, deadline - performance.now());
      counted.push({ ...rest, leftOut });
      this.logger.log(createdText({ ...rest, leftOut }, consumer.startFrom, this.db));
    }
    return counted;
  }

  private async leftOutBelow(
    startsAt: number,
    consumer: Consumer,
    limitMs: number,
  ): Promise<number | undefined> {
    if (startsAt === 1) return 0;
    return limitMs > 0 ? this.store.countEventsBelow(startsAt, consumer.eventNames, limitMs) : undefined;
  }
}

/** The names that the code handles and the stored consumer does not. Empty if the consumer is not stored. */
function addedNames(consumer: Consumer, stored: StoredConsumer | undefined): string[] {
  if (stored === undefined) return [];
  return consumer.eventNames.filter((name) => !stored.eventNames.includes(name));
}

/** Whether at least half of all the names in the two lists are in both. */
function areAlike(some: readonly string[], others: readonly string[]): boolean {
  const all = new Set([...some, ...others]);
  return 2 * [...all].filter((name) => some.includes(name) && others.includes(name)).length >= all.size;
}
