import { Injectable } from '@nestjs/common';
import type { EngineConnection } from '../database/engine-connection.js';
import { EngineDatabase } from '../database/engine-database.js';

/** Where processes tell each other that events were committed. */
export function outboxChannelOf(schema: string): string {
  return `${schema}_outbox`;
}

/** NOTIFY and LISTEN: how processes tell each other that there is something to read. */
@Injectable()
export class WakeupStore {
  /** Carries the id of the process that wrote events. */
  readonly outboxChannel: string;
  /** Says that a stored setting changed. */
  readonly settingsChannel: string;

  constructor(private readonly db: EngineDatabase) {
    this.outboxChannel = outboxChannelOf(db.schema);
    this.settingsChannel = `${db.schema}_settings`;
  }

  /**
   * Tells every listening process. In a transaction of its own: NOTIFY inside the business one would serialize commits. It is
   * not waited for on disk, where it would only keep the writers' commits waiting: a wake-up need not survive a crash.
   */
  async notify(processId: string): Promise<void> {
    await this.db.query(`SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)`, [
      this.outboxChannel,
      processId,
    ]);
  }

  async listen(connection: EngineConnection): Promise<void> {
    await connection.query(`LISTEN "${this.outboxChannel}"`);
    await connection.query(`LISTEN "${this.settingsChannel}"`);
  }
}
