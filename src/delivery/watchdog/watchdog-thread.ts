import { writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { BusyTime } from './busy-time.js';
import { type Whereabouts, whereMainThreadStands } from './main-thread-stack.js';
import { WatchedMemory } from './watched-memory.js';
import type {
  WatchdogOrder,
  WatchdogThreadMessage,
  WatchedEngine,
  WatchedHandler,
} from './watching-thread.js';

const CHECKS_PER_LEASE = 10;
const LONGEST_CHECK_MS = 2_000;
const SHORTEST_CHECK_MS = 25;
const MOST_NAMED = 5;
const STANDARD_ERROR = 2;

/** An engine that this thread watches for. */
interface Engine extends WatchedEngine {
  readonly shared: WatchedMemory;
  readonly handlers: Map<number, WatchedHandler>;
}

/**
 * Runs in the watchdog's own thread and checks whether the ticks of the main thread move. Every engine has a
 * tick of its own. The event loop turns as long as any of them moves.
 */
class Watch {
  private readonly engines = new Map<number, Engine>();
  private lastTick = -1;
  /** When a tick was last seen to move, and when they were last looked at (monotonic ms). */
  private movedAt = performance.now();
  private lookedAt = performance.now();
  private reported: string | undefined;
  /** Whether a debugger was found to hold the main thread since its tick last moved. */
  private wasAtBreakpoint = false;
  private readonly busyTime = new BusyTime();
  private timer: NodeJS.Timeout | undefined;
  /** Milliseconds from the last look to the next one. */
  private pauseMs = LONGEST_CHECK_MS;

  constructor(private readonly tell: (message: WatchdogThreadMessage) => void) {}

  learn(order: WatchdogOrder): void {
    switch (order.kind) {
      case 'engine':
        this.engines.set(order.id, {
          ...order,
          shared: WatchedMemory.over(order.memory),
          handlers: new Map(),
        });
        // Its lease may be shorter than the pause that has begun.
        if (this.timer !== undefined) this.next();
        break;
      case 'handler':
        this.engines.get(order.id)?.handlers.set(order.index, order);
        break;
      case 'leaves':
        this.engines.delete(order.id);
        break;
      default:
        order satisfies never;
    }
  }

  start(): void {
    this.tell({ kind: 'ready' });
    this.next();
  }

  private next(): void {
    clearTimeout(this.timer);
    this.lookedAt = performance.now();
    this.pauseMs = this.checkMs;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.look().finally(() => this.next());
    }, this.pauseMs);
  }

  private get checkMs(): number {
    return Math.min(Math.max(this.leaseMs / CHECKS_PER_LEASE, SHORTEST_CHECK_MS), LONGEST_CHECK_MS);
  }

  /** The shortest lease of all engines. */
  private get leaseMs(): number {
    return Math.min(...this.all(({ shared }) => shared.leaseMs));
  }

  /** It moves with each tick. An engine that comes or goes moves it too. */
  private get tick(): number {
    return this.all(({ shared }) => shared.tick).reduce((sum, tick) => sum + tick, 0);
  }

  private async look(): Promise<void> {
    const now = performance.now();
    const late = now - this.lookedAt - this.pauseMs;
    // This thread did not run either, because the process was stopped or the machine slept. No handler is to
    // blame.
    if (late > this.pauseMs) this.movedAt += late;
    const { tick } = this;
    if (tick !== this.lastTick) this.moved(tick, now);
    else if (now - this.movedAt > this.leaseMs) await this.blocked(now);
  }

  private moved(tick: number, now: number): void {
    if (this.reported !== undefined) {
      this.tell({
        kind: 'recovered',
        text: `${this.reported} It turns again after ${seconds(now - this.movedAt)}.`,
      });
    }
    this.reported = undefined;
    this.wasAtBreakpoint = false;
    this.lastTick = tick;
    this.movedAt = now;
    this.busyTime.restart();
  }

  /** Whether somebody may debug the process. */
  private get isInspected(): boolean {
    return this.wasAtBreakpoint || this.all(({ shared }) => shared.isInspected).includes(true);
  }

  private blocked(now: number): Promise<void> | void {
    return this.isInspected ? this.blockedBesideInspector(now) : this.blockedAlone(now);
  }

  /**
   * Reports once, and never ends the process. A thread that waits may be at a breakpoint, so only one that
   * computes is reported. The main thread is not asked where it stands: that would pause it, and the person
   * who debugs would see a pause that they did not ask for.
   */
  private blockedBesideInspector(now: number): void {
    if (!this.busyTime.isBusy() || this.reported !== undefined) return;
    this.report(now, 'Its inspector is open, which can tell where it stands.');
  }

  /** Reports once, and once more if it ends the process later: the lease that counts may be a longer one. */
  private async blockedAlone(now: number): Promise<void> {
    const exits = this.all(({ exits, shared }) => exits && now - this.movedAt > shared.leaseMs).includes(
      true,
    );
    if (this.reported !== undefined && !exits) return;
    const found = await whereMainThreadStands(Math.min(...this.all(({ stackWithinMs }) => stackWithinMs)));
    if (this.tick !== this.lastTick) return;
    if (found === 'at a breakpoint') {
      // Somebody has attached a debugger since the last tick. The tick could not say so.
      this.wasAtBreakpoint = true;
      this.movedAt = performance.now();
      this.busyTime.restart();
      return;
    }
    this.report(now, whereItStands(found), exits ? ' The process is ended now (watchdog: exit).' : '');
    if (exits) process.kill(process.pid, 'SIGKILL');
  }

  /** Writes to the file descriptor, because the main thread serves a thread's own streams. */
  private report(now: number, where: string, ending = ''): void {
    this.reported = [
      `The event loop has been blocked for ${seconds(now - this.movedAt)}, longer than the lease of its consumers, which pass on to other processes.`,
      this.nameRunning(),
      where,
    ]
      .filter((sentence) => sentence !== '')
      .join(' ');
    write(`[nestjs-integration] ${this.reported}${ending}\n`);
  }

  private nameRunning(): string {
    const perEngine = this.all(({ shared, handlers, mention }) =>
      shared.running().map(({ handler, position }) => {
        const known = handlers.get(handler);
        return `${known?.place ?? 'a handler'} of consumer "${known?.consumerName ?? '?'}"${mention} with the event at position ${position}`;
      }),
    );
    // Each list begins with the latest of its engine. The latest of all is among these.
    const running = [
      ...perEngine.flatMap((list) => list.slice(0, 1)),
      ...perEngine.flatMap((list) => list.slice(1)),
    ];
    if (running.length === 0)
      return 'None of its handlers runs: something else in the application holds it up.';
    const named = running.slice(0, MOST_NAMED);
    const others = running.length > named.length ? ` and ${running.length - named.length} more` : '';
    return `Running, the latest first: ${named.join('; ')}${others}.`;
  }

  private all<R>(read: (engine: Engine) => R): R[] {
    return [...this.engines.values()].map(read);
  }
}

function whereItStands(stack: Exclude<Whereabouts, string>): string {
  if (stack === undefined)
    return 'Where it stands cannot be asked: in a synchronous call, or in native code.';
  return stack.length === 0 ? '' : `It stands at ${stack.join(' < ')}.`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function write(text: string): void {
  try {
    writeSync(STANDARD_ERROR, text);
  } catch {
    // The pipe is full or closed, so nobody can read the text.
  }
}

const port = parentPort;
if (port !== null) {
  const watch = new Watch((message) => port.postMessage(message));
  port.on('message', (order: WatchdogOrder) => watch.learn(order));
  watch.start();
}
