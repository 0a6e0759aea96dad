import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { type Observable, Subject } from 'rxjs';
import type { EngineConnection } from '../database/connection/engine-connection.js';
import { ProcessIdentity } from '../database/connection/process-identity.js';
import { EngineDatabase } from '../database/engine-database.js';
import { answerWithin } from '../database/wire/answer-within.js';
import { messageOf } from '../errors.js';
import { type EngineLogger, loggerOf } from '../words/engine-logger.js';
import { growingPauseMs } from '../words/growing-pause.js';
import { ANNOUNCED_FOR_MS } from './commit-stream.js';
import { OutboxNotifier } from './outbox-notifier.js';
import { CONSUMERS_MESSAGE, kindOfLanes, readMessage, WakeupStore } from './wakeup.store.js';

const RECONNECT_FIRST_MS = 100;
const RECONNECT_MAX_MS = 5_000;

/**
 * Receives the wake-ups of other processes on a connection of its own. It asks the connection for a sign of
 * life every few seconds, and replaces it if none comes. The sign of life is a message of the protocol and
 * its answer, without a statement. A NOTIFY to itself together with the heartbeat would also show that the
 * connection works. But it costs a commit under a lock of the whole server, and it wakes every listening
 * session of the database.
 */
@Injectable()
export class WakeupListener {
  /** The time in milliseconds between two checks that the connection still answers. */
  pingIntervalMs = 5_000;
  /** Emits when a stored setting has changed in any process. */
  readonly settingsChanged$: Observable<void>;
  /** Emits when a consumer that some process works on has got names, in any process. */
  readonly consumersChanged$: Observable<void>;
  /** Emits a kind of work when targets of it may have become ready, in any process. */
  readonly lanesReady$: Observable<string>;

  /** Whether messages of other processes are heard at this moment, as far as this process knows. */
  isListening = false;

  private readonly settingsChanged = new Subject<void>();
  private readonly consumersChanged = new Subject<void>();
  private readonly lanesReady = new Subject<string>();
  private readonly logger: EngineLogger;
  private running: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;

  constructor(
    private readonly db: EngineDatabase,
    private readonly store: WakeupStore,
    private readonly notifier: OutboxNotifier,
    private readonly identity: ProcessIdentity,
  ) {
    this.logger = loggerOf('WakeupListener', identity);
    this.settingsChanged$ = this.settingsChanged.asObservable();
    this.consumersChanged$ = this.consumersChanged.asObservable();
    this.lanesReady$ = this.lanesReady.asObservable();
  }

  /** Starts listening, and tries again until `stop`. Resolves after the first attempt, even if it failed. */
  start(): Promise<void> {
    const stop = new AbortController();
    return new Promise((firstAttempt) => {
      if (this.running === undefined) this.running = { stop, done: this.run(stop.signal, firstAttempt) };
      else firstAttempt();
    });
  }

  /** Stops listening. Resolves when the connection is closed. */
  async stop(): Promise<void> {
    const running = this.running;
    this.running = undefined;
    running?.stop.abort();
    await running?.done;
  }

  private async run(stopped: AbortSignal, attempted: () => void): Promise<void> {
    let failures = 0;
    for (let isFirst = true; !stopped.aborted; isFirst = false) {
      try {
        const connection = await this.open();
        attempted();
        this.isListening = true;
        // Messages that came while nobody listened were missed.
        if (!isFirst) this.notifier.signal({ source: 'listen', concernsInbox: true });
        failures = await this.watch(connection, stopped, failures);
      } catch (error) {
        const words = 'cannot listen for wake-ups, polling goes on';
        this.logger.debugOfFailure(`${words}: ${messageOf(error)}`, words);
      }
      this.isListening = false;
      attempted();
      await pause(backoff(failures++), stopped);
    }
  }

  private async open(): Promise<EngineConnection> {
    const connection = await this.db.openDedicated('nestjs-integration listen', false);
    try {
      connection.onNotification((payload, channel) => this.receive(connection, payload, channel));
      await answerWithin(this.db.limits.silentMs, this.store.listen(connection));
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  private receive(connection: EngineConnection, payload: string, channel: string): void {
    if (channel === this.store.settingsChannel) {
      const kind = kindOfLanes(payload);
      if (kind !== undefined) this.lanesReady.next(kind);
      else if (payload === CONSUMERS_MESSAGE) this.consumersChanged.next();
      else this.settingsChanged.next();
      return;
    }
    const { processId, concernsInbox, isStream } = readMessage(payload);
    if (processId === this.identity.id) return;
    this.db.heardFrom(connection);
    const goesOnForMs = isStream ? ANNOUNCED_FOR_MS : 0;
    this.notifier.signal({ source: 'listen', concernsInbox }, { goesOnForMs });
  }

  /**
   * Returns when the connection has ended, does not answer, or is not needed any more. The result is the
   * number of failures so far, from which the backoff goes on.
   */
  private async watch(connection: EngineConnection, stopped: AbortSignal, failures: number): Promise<number> {
    let ended = false;
    const over = new AbortController();
    connection.ended.then(() => {
      ended = true;
      over.abort();
    });
    const wake = AbortSignal.any([stopped, over.signal]);
    let count = failures;
    while (!wake.aborted) {
      await pause(this.pingIntervalMs, wake);
      if (wake.aborted) break;
      const alive = await answerWithin(this.db.limits.silentMs, connection.ping()).then(
        () => true,
        () => false,
      );
      if (!alive) break;
      count = 0;
    }
    if (stopped.aborted && !ended)
      await answerWithin(this.db.limits.silentMs, connection.close()).catch(() => {});
    else this.logger.debugOfFailure('the listening connection was lost, polling goes on');
    connection.destroy();
    return count;
  }
}

/**
 * The backoff is exponential with full jitter, because many processes lose the same server at the same
 * moment.
 */
function backoff(failures: number): number {
  return Math.random() * growingPauseMs(failures + 1, RECONNECT_FIRST_MS, RECONNECT_MAX_MS);
}

async function pause(ms: number, until: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal: until, ref: false }).catch(() => {});
}
