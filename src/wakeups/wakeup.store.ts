import { Injectable } from '@nestjs/common';
import * as pg from 'pg';
import { UNHURRIED_COMMIT } from '../database/clients/unhurried-commit.store.js';
import type { EngineConnection } from '../database/connection/engine-connection.js';
import { EngineDatabase } from '../database/engine-database.js';

/** Where processes tell each other that events were committed. */
export function outboxChannelOf(schema: string): string {
  return `${schema}_outbox`;
}

/**
 * Where processes tell each other that a stored setting changed, or, with `CONSUMERS_MESSAGE`, a consumer's
 * names.
 */
export function settingsChannelOf(schema: string): string {
  return `${schema}_settings`;
}

export const CONSUMERS_MESSAGE = 'consumers';

/** After the id of the process that says so: rows of the inbox may be due as well. */
const INBOX_MARK = ' inbox';

/** After the id: commits come in a stream, and not each of them will be told. */
const STREAM_MARK = ' stream';

/**
 * A message on the outbox channel: who sent it, whether it is about more than new events, and whether more of
 * them are to come.
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

/** What concerns the inbox is never said of a stream. */
export function writeMessage(processId: string, about: Partial<Message>): string {
  if (about.concernsInbox === true) return `${processId}${INBOX_MARK}`;
  return about.isStream === true ? `${processId}${STREAM_MARK}` : processId;
}

/**
 * SQL that tells every listening session and calls for nothing else: the commit that carries it is not waited
 * for on disk, where it would only keep the writers' commits waiting. A wake-up need not survive a crash.
 */
export function unhurriedNotify(channel: string, message: string): string {
  return `concat(${UNHURRIED_COMMIT}, pg_notify(${channel}, ${message}))`;
}

/** NOTIFY and LISTEN: how processes tell each other that there is something to read. */
@Injectable()
export class WakeupStore {
  /** Carries the id of the process that wrote events, and whether that is all: see `readMessage`. */
  readonly outboxChannel: string;
  /** Says that a stored setting changed, or the names of a consumer. */
  readonly settingsChannel: string;

  constructor(private readonly db: EngineDatabase) {
    this.outboxChannel = outboxChannelOf(db.schema);
    this.settingsChannel = settingsChannelOf(db.schema);
  }

  /**
   * SQL that tells every listening process that events were committed. Not for the business transaction:
   * there NOTIFY serializes commits.
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

  async listen(connection: EngineConnection): Promise<void> {
    await connection.query(`LISTEN "${this.outboxChannel}"`);
    await connection.query(`LISTEN "${this.settingsChannel}"`);
  }
}
