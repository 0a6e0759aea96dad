import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { tablesOf } from '../database/sql/tables.js';
import { IntegrationError, messageOf } from '../errors.js';
import { CursorRegistrationStore } from '../inbox/cursor-registration.store.js';
import { type SequenceBehind, SequenceStore } from '../inbox/sequence.store.js';
import { SequenceGuard } from '../log/sequence-guard.js';
import { type EngineLogger, loggerOf } from '../words/engine-logger.js';

/*
 * Compares the sequence with the cursors while the application runs. It does so at these moments: when
 * cursors were claimed (so after every loss), when a publisher of this process got a position that consumers
 * had passed, with every renewal of the leases, and before `drain` says that it is done.
 *
 * There are two cases:
 *
 * - emptied: the log has no event at or above the next position. It was emptied, and its positions begin
 *   again (TRUNCATE … RESTART IDENTITY by the clean-up of a test, or a reset after retention). The cursors
 *   begin again too. So no event is passed over, not even one that was published before this was noticed.
 * - behind: the log has events at positions that are still to be handed out, because a restore or a
 *   switch-over left out the sequence. New events would collide with them, or fill gaps below them. Nobody
 *   can tell which of the events are new. So publishing is refused, and the log says which statement mends
 *   the sequence.
 */
@Injectable()
export class SequenceWatch {
  private readonly logger: EngineLogger;
  private readonly registration: CursorRegistrationStore;
  private comparing: Promise<void> | undefined;
  private comparingNext: Promise<void> | undefined;
  private isBehind = false;

  constructor(
    private readonly db: EngineDatabase,
    private readonly store: SequenceStore,
    private readonly guard: SequenceGuard,
  ) {
    this.logger = loggerOf('OutboxSequence', db);
    this.registration = new CursorRegistrationStore(db);
    guard.lookBy(() => this.compare());
  }

  /** Makes a cheap check, and a full comparison if something seems to be wrong. */
  async glance(): Promise<void> {
    if (this.isBehind || (await this.store.seemsBehind())) await this.compare();
  }

  /**
   * Runs one comparison at a time. A caller that asks during a comparison gets the next one, which sees
   * everything that the caller knows.
   */
  compare(): Promise<void> {
    if (this.comparing !== undefined) {
      this.comparingNext ??= this.comparing.catch(() => {}).then(() => this.begin());
      return this.comparingNext;
    }
    return this.begin();
  }

  private begin(): Promise<void> {
    this.comparingNext = undefined;
    this.comparing = this.compareNow().finally(() => {
      this.comparing = undefined;
    });
    return this.comparing;
  }

  /** Starts a comparison without waiting for it. If it fails, a later comparison makes up for it. */
  compareSoon(): void {
    this.compare().catch((error) =>
      this.logger.debugOfFailure(`The sequence could not be compared: ${messageOf(error)}`),
    );
  }

  /** Checks whether a known fault has been mended. */
  compareAgain(): void {
    if (this.isBehind) this.compareSoon();
  }

  private async compareNow(): Promise<void> {
    let behind = await this.store.behind();
    if (behind !== undefined && isEmptied(behind)) behind = await this.beginAnew();
    if (behind === undefined) {
      if (this.isBehind) this.logger.log('The sequence of the log is ahead of every consumer again');
      this.isBehind = false;
      this.guard.accept();
      return;
    }
    const problem = sequenceBehind(this.db.schema, behind);
    this.isBehind = true;
    this.guard.refuse(problem);
    const line = `Nothing is published until this is mended: ${problem.message}`;
    this.logger.errorOfFailure(line, undefined, 'behind');
  }

  /** Resolves to what is still behind. Nobody can register meanwhile, and everything is read again. */
  private async beginAnew(): Promise<SequenceBehind | undefined> {
    const { consumers, rest } = await this.registration.exclusively(async (session) => {
      const behind = await this.store.behind(session);
      if (behind === undefined || !isEmptied(behind)) return { consumers: [], rest: behind };
      const consumers = await this.store.beginAnew(session, behind);
      return { consumers, rest: await this.store.behind(session) };
    });
    this.guard.forgetTail();
    if (consumers.length > 0) {
      this.logger.warn(
        `The log was emptied and its positions begin again: consumers ${consumers.map((name) => `"${name}"`).join(', ')} begin again with it`,
      );
    }
    return rest;
  }
}

function isEmptied({ head, nextPosition }: SequenceBehind): boolean {
  return head < nextPosition;
}

/** The error for a log that would hand out positions that a consumer has passed. */
export function sequenceBehind(
  schema: string,
  { consumerName, tail, nextPosition, head }: SequenceBehind,
): IntegrationError {
  const sequence = `pg_get_serial_sequence('${tablesOf(schema).outboxEvent}', 'position')`;
  const reached = Math.max(tail - 1, head);
  return new IntegrationError(
    'INTEGRATION_SEQUENCE_BEHIND',
    `The next event would get position ${nextPosition}, but consumer "${consumerName}" has left everything below ${tail} behind and would never see it (a restore that left the sequence out, or a reset of it). Stop the workers, then run: SELECT setval(${sequence}, ${reached})`,
    { consumerName, tail, nextPosition },
  );
}
