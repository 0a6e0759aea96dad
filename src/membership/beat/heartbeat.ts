import { hostname } from 'node:os';
import {
  isConnectionLoss,
  isEndOfIdleness,
  isStaleStatement,
  sqlStateOf,
} from '../../database/connection/connection-loss.js';
import type { EngineConnection } from '../../database/connection/engine-connection.js';
import type { EngineDatabase } from '../../database/engine-database.js';
import { packageVersion } from '../../database/migrations/package-folder.js';
import { answerWithin } from '../../database/wire/answer-within.js';
import { IntegrationError, messageOf } from '../../errors.js';
import { type EngineLogger } from '../../words/engine-logger.js';
import { growingPauseMs } from '../../words/growing-pause.js';
import type { IntegrationProcessStore } from './integration-process.store.js';

const BEAT_TIMEOUT_MS = 5_000;
const RECONNECT_FIRST_MS = 200;
const RECONNECT_MAX_MS = 5_000;

/**
 * Beats at an interval, or at once on request. Only one beat runs at a time. The beats use a connection of
 * their own, under which the process is signed in.
 */
export class Heartbeat {
  private connection: EngineConnection | undefined;
  private running: Promise<void> | undefined;
  private stopping = new AbortController();
  private wake: () => void = () => {};
  private beatWanted = false;
  private lastBeat: Promise<unknown> = Promise.resolve();
  /** When the latest round began, in milliseconds of the monotonic clock. */
  private roundBeganAt = 0;

  constructor(
    private readonly db: EngineDatabase,
    private readonly processes: IntegrationProcessStore,
    private readonly self: { readonly id: string; readonly role: 'all' | 'publisher' | 'worker' },
    private readonly intervalMs: () => number,
    /** Called when the process is signed in on a new connection. */
    private readonly onConnected: () => void,
    private readonly logger: EngineLogger,
  ) {}

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /**
   * Milliseconds since the latest round began, whether it succeeded or not. Undefined when the heartbeat does
   * not run.
   */
  get ageMs(): number | undefined {
    return this.isRunning ? performance.now() - this.roundBeganAt : undefined;
  }

  /** Calls `beat` again and again until the heartbeat is stopped. */
  start(beat: () => Promise<unknown>): void {
    this.stopping = new AbortController();
    this.running = this.beatUntilStopped(beat, this.stopping.signal);
  }

  /** Beats at once, without waiting for the interval to pass. */
  beatNow(): void {
    this.beatWanted = true;
    this.wake();
  }

  /** Stops beating and signs out. */
  async stop(): Promise<void> {
    if (this.running === undefined) return;
    this.stopping.abort();
    this.wake();
    await this.running;
    await this.lastBeat.catch(() => {});
    this.running = undefined;
    await answerWithin(BEAT_TIMEOUT_MS, this.processes.signOut(this.self.id)).catch(() => {});
    if (this.connection !== undefined)
      await answerWithin(this.db.limits.silentMs, this.connection.close()).catch(() => {});
    this.disconnect();
  }

  /**
   * Runs one beat at a time, because what a beat sees must not be older than the leases that it is compared
   * with.
   */
  beat<R>(work: (connection: EngineConnection) => Promise<R>): Promise<R> {
    const beat = this.lastBeat
      .catch(() => {})
      .then(() => this.connect())
      .then((connection) => answerWithin(BEAT_TIMEOUT_MS, work(connection)));
    this.lastBeat = beat;
    return beat;
  }

  /** Whether beats still use this connection. The result of a connection that was given up comes too late. */
  isCurrent(connection: EngineConnection): boolean {
    return connection === this.connection;
  }

  /**
   * Signs the process in. This is needed when the connection begins, and when somebody has deleted the row of
   * the process.
   */
  signIn(connection: EngineConnection): Promise<void> {
    const self = { ...this.self, host: hostname(), pid: process.pid, version: packageVersion() };
    return this.processes.signIn(connection, self);
  }

  private async beatUntilStopped(beat: () => Promise<unknown>, stopped: AbortSignal): Promise<void> {
    let failures = 0;
    while (!stopped.aborted) {
      this.roundBeganAt = performance.now();
      this.beatWanted = false;
      try {
        await beat();
        failures = 0;
      } catch (error) {
        if (stopped.aborted) return;
        // The database announces the end of the connection as a loss, so the heartbeat only has to replace
        // the connection. A server that refuses a statement with a reason, such as a lock that somebody
        // holds, has not lost the connection.
        if (!isRefusal(error)) this.disconnect();
        failures++;
        this.logger.warnOfFailure(`The heartbeat failed and is tried again: ${messageOf(error)}`);
      }
      await this.pause(failures === 0 ? this.intervalMs() : reconnectDelay(failures), stopped);
    }
  }

  private async connect(): Promise<EngineConnection> {
    if (this.stopping.signal.aborted)
      throw new IntegrationError('INTEGRATION_CLOSED', 'The application is shutting down');
    if (this.connection !== undefined) return this.connection;
    const connection = await this.db.openDedicated('nestjs-integration heartbeat', true);
    try {
      await answerWithin(BEAT_TIMEOUT_MS, this.signIn(connection));
    } catch (error) {
      connection.destroy();
      throw error;
    }
    this.connection = connection;
    this.onConnected();
    connection.ended.then(() => {
      if (this.connection === connection) this.connection = undefined;
    });
    return connection;
  }

  private disconnect(): void {
    this.connection?.destroy();
    this.connection = undefined;
  }

  private pause(ms: number, stopped: AbortSignal): Promise<void> {
    if (stopped.aborted || this.beatWanted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Whether the server answered with a refusal. The connection is then as good as before. */
function isRefusal(error: unknown): boolean {
  return (
    sqlStateOf(error) !== undefined &&
    !isConnectionLoss(error) &&
    !isStaleStatement(error) &&
    !isEndOfIdleness(error)
  );
}

function reconnectDelay(failures: number): number {
  const full = growingPauseMs(failures, RECONNECT_FIRST_MS, RECONNECT_MAX_MS);
  return full / 2 + (full / 2) * Math.random();
}
