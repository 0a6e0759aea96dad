import { Injectable, Logger } from '@nestjs/common';
import { EngineDatabase, type EngineSession } from '../database/engine-database.js';
import { IntegrationError } from '../errors.js';
import { CursorRegistrationStore, type StoredConsumer } from '../inbox/cursor-registration.store.js';
import type { Consumer } from './consumer.js';
import type { StartFrom } from './subscriber-definition.js';

/** A consumer that was not there before. */
export interface CreatedConsumer {
  readonly consumerName: string;
  /** The first position that it may read. */
  readonly startsAt: number;
  readonly partitions: number;
  /** Retained events of its names before `startsAt`; undefined where counting took too long. */
  readonly leftOut: number | undefined;
}

/** A consumer that handles more names than before. */
export interface ExtendedConsumer {
  readonly consumerName: string;
  readonly addedNames: readonly string[];
  /** Events of the added names that were settled before this position are not delivered. */
  readonly from: number;
}

export interface RegistrationResult {
  readonly created: readonly CreatedConsumer[];
  readonly extended: readonly ExtendedConsumer[];
}

type Created = Omit<CreatedConsumer, 'leftOut'> & { readonly consumer: Consumer };

/** Writes the consumers of this process into the database, where other processes and later versions find them. */
@Injectable()
export class ConsumerRegistration {
  private readonly logger = new Logger('IntegrationConsumers');
  private readonly store: CursorRegistrationStore;

  constructor(private readonly db: EngineDatabase) {
    this.store = new CursorRegistrationStore(db);
  }

  /**
   * Registers all in one transaction. What is there already is left as it is, but for event names that are new to it; names
   * that the code no longer handles stay.
   *
   * @throws IntegrationError INTEGRATION_SEQUENCE_BEHIND if the log would hand out positions that a consumer has left behind
   */
  async register(consumers: readonly Consumer[]): Promise<RegistrationResult> {
    if (consumers.length === 0) return { created: [], extended: [] };
    const { created, extended } = await this.store.exclusively(async (session) => {
      await this.refuseSequenceBehind(session);
      const stored = await this.storedByName(session, consumers);
      const created: Created[] = [];
      const extended: ExtendedConsumer[] = [];
      for (const consumer of byName(consumers)) {
        const known = stored.get(consumer.name);
        if (known === undefined) created.push(await this.create(session, consumer));
        else extended.push(...(await this.extend(session, consumer, known)));
      }
      return { created, extended };
    });
    for (const consumer of extended) this.logger.log(extendedText(consumer));
    return { created: await Promise.all(created.map((consumer) => this.countLeftOut(consumer))), extended };
  }

  private async create(session: EngineSession, consumer: Consumer): Promise<Created> {
    const { name: consumerName, eventNames, partitions } = consumer;
    const unread = await this.unreadFrom(session, consumer);
    const { startsAt } = await this.store.insert(session, { consumerName, eventNames, partitions, unread });
    return { consumerName, startsAt, partitions, consumer };
  }

  private async extend(
    session: EngineSession,
    consumer: Consumer,
    stored: StoredConsumer,
  ): Promise<ExtendedConsumer[]> {
    const { name: consumerName, partitions } = consumer;
    if (partitions !== stored.partitions) {
      this.logger.warn(
        `Consumer "${consumerName}" has ${stored.partitions} partitions, the code asks for ${partitions}: the stored number holds. To change it run: npx nestjs-integration consumers repartition ${shellWord(consumerName)} ${partitions}`,
      );
    }
    const addedNames = consumer.eventNames.filter((name) => !stored.eventNames.includes(name));
    if (addedNames.length === 0) return [];
    // The row first: what its owner settles after this, it settles by the new names; then where the log stands.
    await this.store.addEventNames(session, consumerName, addedNames);
    return [{ consumerName, addedNames, from: await this.store.nextPosition(session) }];
  }

  private async unreadFrom(session: EngineSession, { name, startFrom }: Consumer): Promise<string> {
    if (startFrom === 'earliest') return `{[1,)}`;
    if (startFrom === 'latest') return this.unreadFromLatest(session);
    const hourAgo = await this.store.anHourAgo(session);
    if (startFrom === 'recent') return `{[${await this.store.positionAt(session, hourAgo)},)}`;
    if (startFrom.getTime() > hourAgo.getTime() + HOUR_MS) {
      this.logger.warn(
        `Consumer "${name}" asks to start at ${startFrom.toISOString()}, which is yet to come: it starts with the next event`,
      );
      return this.unreadFromLatest(session);
    }
    return `{[${await this.store.positionAt(session, startFrom)},)}`;
  }

  /**
   * The tail from the next position on, and the positions of transactions that are still open: their events are published
   * after this registration. The sequence is read first, so that whoever owns a position below it is seen holding its lock or
   * has ended; what has committed is then taken away by a snapshot that is later still.
   */
  private async unreadFromLatest(session: EngineSession): Promise<string> {
    const next = await this.store.nextPosition(session);
    const began = await this.store.oldestWriter(session);
    const from = began === undefined ? next : Math.min(next, await this.store.positionAt(session, began));
    return this.store.uncommittedFrom(session, from, next);
  }

  private async refuseSequenceBehind(session: EngineSession): Promise<void> {
    const behind = await this.store.cursorAheadOfSequence(session);
    if (behind === undefined) return;
    const { consumerName, tail, nextPosition } = behind;
    const sequence = `pg_get_serial_sequence('"${this.db.schema}".outbox_event', 'position')`;
    throw new IntegrationError(
      'INTEGRATION_SEQUENCE_BEHIND',
      `The next event would get position ${nextPosition}, but consumer "${consumerName}" has left everything below ${tail} behind and would never see it (a restore that left the sequence out, or a reset of it). Stop the workers, then run: SELECT setval(${sequence}, ${tail - 1})`,
      { consumerName, tail, nextPosition },
    );
  }

  private async storedByName(
    session: EngineSession,
    consumers: readonly Consumer[],
  ): Promise<Map<string, StoredConsumer>> {
    const stored = await this.store.stored(
      session,
      consumers.map(({ name }) => name),
    );
    return new Map(stored.map((consumer) => [consumer.consumerName, consumer]));
  }

  private async countLeftOut({ consumer, ...created }: Created): Promise<CreatedConsumer> {
    const { startsAt } = created;
    const leftOut = startsAt > 1 ? await this.store.countBelow(startsAt, consumer.eventNames) : 0;
    this.logger.log(createdText({ ...created, leftOut }, consumer.startFrom));
    return { ...created, leftOut };
  }
}

const HOUR_MS = 3_600_000;

function createdText(
  { consumerName, startsAt, partitions, leftOut }: CreatedConsumer,
  startFrom: StartFrom,
): string {
  const spread = partitions === 1 ? '' : ` in ${partitions} partitions`;
  const start = `Consumer "${consumerName}" registered${spread}: it starts at position ${startsAt} (startFrom: ${startFromText(startFrom)})`;
  if (leftOut === 0) return `${start}, no retained event is left out`;
  const number =
    leftOut === undefined
      ? 'An unknown number of retained events (too many to count) is'
      : eventsText(leftOut);
  return `${start}. ${number} left out; to deliver them as well run: npx nestjs-integration replay ${shellWord(consumerName)} --from 1 --to ${startsAt - 1}`;
}

function eventsText(count: number): string {
  return count === 1 ? '1 retained event is' : `${count} retained events are`;
}

function startFromText(startFrom: StartFrom): string {
  return startFrom instanceof Date ? startFrom.toISOString() : `'${startFrom}'`;
}

function extendedText({ consumerName, addedNames, from }: ExtendedConsumer): string {
  return `Consumer "${consumerName}" handles ${addedNames.join(', ')} from now on; events of ${addedNames.length === 1 ? 'this name' : 'these names'} that it passed over before position ${from} are not delivered`;
}

/** As it can be pasted into a POSIX shell. */
function shellWord(text: string): string {
  return /^[\w.:@/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Rows are locked in the order of their keys, as by everybody else. */
function byName(consumers: readonly Consumer[]): Consumer[] {
  return [...consumers].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
