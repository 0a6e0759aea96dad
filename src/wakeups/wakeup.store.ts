import { Injectable } from '@nestjs/common';
import * as pg from 'pg';
import { UNHURRIED_COMMIT } from '../database/clients/unhurried-commit.store.js';
import type { EngineConnection } from '../database/connection/engine-connection.js';
import { EngineDatabase } from '../database/engine-database.js';

/** The channel on which processes tell each other that events were committed. */
export function outboxChannelOf(schema: string): string {
  return `${schema}_outbox`;
}

/**
 * The channel on which processes tell each other that a stored setting has changed, or, with
 * `CONSUMERS_MESSAGE`, the names of a consumer.
 */
export function settingsChannelOf(schema: string): string {
  return `${schema}_settings`;
}

export const CONSUMERS_MESSAGE = 'consumers';

/** Stands before the kind of work for which some target has become ready. */
const LANES_MARK = 'lanes ';

/** The kind of work that a message of the channel of settings is about. Undefined for another message. */
export function kindOfLanes(payload: string): string | undefined {
  return payload.startsWith(LANES_MARK) ? payload.slice(LANES_MARK.length) : undefined;
}

/**
 * Tells the processes with consumers to look at once. Their next beat does so anyway. In a transaction they
 * are told when it commits.
 */
export async function tellConsumers(
  session: { query(sql: string, values: readonly unknown[]): Promise<unknown> },
  schema: string,
): Promise<void> {
  await session.query(`SELECT pg_notify($1, $2)`, [settingsChannelOf(schema), CONSUMERS_MESSAGE]);
}

/** Tells the owner of this kind of work, when the transaction commits, that something of it may be due. */
export async function tellOwner(
  session: { query(sql: string, values: readonly unknown[]): Promise<unknown> },
  schema: string,
  kind: string,
): Promise<void> {
  await session.query(`SELECT pg_notify($1, $2)`, [settingsChannelOf(schema), `${LANES_MARK}${kind}`]);
}

/** Stands after the id of the sending process. It says that rows of the inbox may be due too. */
const INBOX_MARK = ' inbox';

/**
 * Stands after the id. It says that commits come in a stream, and that not each of them will be announced.
 */
const STREAM_MARK = ' stream';

/**
 * A message on the outbox channel: who sent it, whether it is about more than new events, and whether more
 * events will come.
 */
interface Message {
  readonly processId: string;
  readonly concernsInbox: boolean;
  readonly isStream: boolean;
}

export function readMessage(payload: string): Message {
  const [processId = '', mark] = payload.split(/(?= )/);
  return { processId, concernsInbox: mark === INBOX_MARK, isStream: mark === STREAM_MARK };
}

/** Writes a message. A message that concerns the inbox never announces a stream. */
export function writeMessage(processId: string, about: Partial<Message>): string {
  if (about.concernsInbox === true) return `${processId}${INBOX_MARK}`;
  return about.isStream === true ? `${processId}${STREAM_MARK}` : processId;
}

/**
 * SQL that tells every listening session, and must be the only work of its transaction. Nobody waits until
 * the commit of that transaction is on disk, because a wake-up need not survive a crash, and the flush to
 * disk would delay the commits of the writers.
 */
export function unhurriedNotify(channel: string, message: string): string {
  return `concat(${UNHURRIED_COMMIT}, pg_notify(${channel}, ${message}))`;
}

/** NOTIFY and LISTEN, with which processes tell each other that there is something to read. */
@Injectable()
export class WakeupStore {
  /**
   * The messages on this channel carry the id of the process that wrote events, and marks (see
   * `readMessage`).
   */
  readonly outboxChannel: string;
  /** The messages on this channel say that a stored setting has changed, or the names of a consumer. */
  readonly settingsChannel: string;

  constructor(private readonly db: EngineDatabase) {
    this.outboxChannel = outboxChannelOf(db.schema);
    this.settingsChannel = settingsChannelOf(db.schema);
  }

  /**
   * SQL that tells every listening process that events were committed. It must not run in the business
   * transaction, because NOTIFY in there would make the commits wait for each other.
   */
  notification(processId: string): string {
    return `SELECT ${unhurriedNotify(pg.escapeLiteral(this.outboxChannel), pg.escapeLiteral(processId))}`;
  }

  async notify(processId: string, about: { concernsInbox: boolean; isStream: boolean }): Promise<void> {
    await this.db.queryNamed('integration_notify', `SELECT ${unhurriedNotify('$1', '$2')}`, [
      this.outboxChannel,
      writeMessage(processId, about),
    ]);
  }

  /** Tells the owners of lanes that targets of this kind of work may be ready. */
  async tellLanes(kind: string): Promise<void> {
    await this.db.query(`SELECT ${unhurriedNotify('$1', '$2')}`, [
      this.settingsChannel,
      `${LANES_MARK}${kind}`,
    ]);
  }

  async listen(connection: EngineConnection): Promise<void> {
    await connection.query(`LISTEN "${this.outboxChannel}"`);
    await connection.query(`LISTEN "${this.settingsChannel}"`);
  }
}
