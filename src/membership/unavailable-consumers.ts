import { Injectable } from '@nestjs/common';
import { ProcessIdentity } from '../database/connection/process-identity.js';
import { type CursorKey, nameOfCursor } from '../inbox/inbox-status.js';
import { IntegrationProcessStore, type UnavailableConsumer } from './beat/integration-process.store.js';

const AGAIN_AFTER_MS = 1_000;

/**
 * The consumers of this process whose handlers cannot reach what they need. They are stored in the row of the
 * process for everybody who asks. The row is written as a whole whenever a consumer is added or removed. So a
 * write that fails is made good by the next one.
 */
@Injectable()
export class UnavailableConsumers {
  private readonly consumers = new Map<string, UnavailableConsumer>();
  private isStale = false;
  private writing = false;
  private closed = false;

  constructor(
    private readonly processes: IntegrationProcessStore,
    private readonly identity: ProcessIdentity,
  ) {}

  startWriting(): void {
    this.closed = false;
  }

  markUnavailable(key: CursorKey, reason: string): void {
    this.consumers.set(nameOfCursor(key), { key, reason, since: performance.now() });
    this.changed();
  }

  markAvailable(key: CursorKey): void {
    if (this.consumers.delete(nameOfCursor(key))) this.changed();
  }

  /** Called when the process signs out, which also deletes its row. */
  stopWriting(): void {
    this.closed = true;
    this.consumers.clear();
  }

  private changed(): void {
    this.isStale = true;
    if (!this.writing) this.write();
  }

  private async write(): Promise<void> {
    this.writing = true;
    while (this.isStale && !this.closed) {
      this.isStale = false;
      const written = await this.processes
        .saveUnavailable(this.identity.id, [...this.consumers.values()])
        .catch(() => false);
      if (written) continue;
      this.isStale = true;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS).unref());
    }
    this.writing = false;
  }
}
