import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { type Whereabouts, whereMainThreadStands } from './main-thread-stack.js';
import type { WatchdogThreadData, WatchdogThreadMessage, WatchedHandler } from './watchdog.js';
import { WatchedMemory } from './watched-memory.js';

const CHECKS_PER_LEASE = 10;
const LONGEST_CHECK_MS = 2_000;
const SHORTEST_CHECK_MS = 25;
const STACK_WITHIN_MS = 1_000;
const MOST_NAMED = 5;
const STANDARD_ERROR = 2;

/** Runs in the watchdog's own thread and checks whether the tick of the main thread moves. */
class Watch {
  private readonly memory: WatchedMemory;
  private readonly handlers = new Map<number, WatchedHandler>();
  private lastTick = -1;
  /** When the tick was last seen to move, and when it was last looked at (monotonic ms). */
  private movedAt = performance.now();
  private lookedAt = performance.now();
  private reported: string | undefined;

  constructor(
    private readonly data: WatchdogThreadData,
    private readonly tell: (message: WatchdogThreadMessage) => void,
  ) {
    this.memory = WatchedMemory.over(data.memory);
  }

  learn(handler: WatchedHandler): void {
    this.handlers.set(handler.index, handler);
  }

  start(): void {
    this.tell({ kind: 'ready' });
    this.next();
  }

  private next(): void {
    this.lookedAt = performance.now();
    setTimeout(() => void this.look().finally(() => this.next()), this.checkMs);
  }

  private get checkMs(): number {
    return Math.min(Math.max(this.memory.leaseMs / CHECKS_PER_LEASE, SHORTEST_CHECK_MS), LONGEST_CHECK_MS);
  }

  private async look(): Promise<void> {
    const now = performance.now();
    const late = now - this.lookedAt - this.checkMs;
    // This thread did not run either, because the process was stopped or the machine slept. No handler is to
    // blame.
    if (late > this.checkMs) this.movedAt += late;
    const { tick } = this.memory;
    if (tick !== this.lastTick) this.moved(tick, now);
    else if (this.reported === undefined && now - this.movedAt > this.memory.leaseMs) await this.blocked(now);
  }

  private moved(tick: number, now: number): void {
    if (this.reported !== undefined) {
      this.tell({
        kind: 'recovered',
        text: `${this.reported} It turns again after ${seconds(now - this.movedAt)}.`,
      });
    }
    this.reported = undefined;
    this.lastTick = tick;
    this.movedAt = now;
  }

  private async blocked(now: number): Promise<void> {
    const found = await whereMainThreadStands(STACK_WITHIN_MS);
    if (this.memory.tick !== this.lastTick) return;
    if (found === 'at a breakpoint') {
      // Somebody debugs the process. When it continues, it has the time of a lease again.
      this.movedAt = performance.now();
      return;
    }
    this.reported = [
      `The event loop has been blocked for ${seconds(now - this.movedAt)}, longer than the lease of its consumers, which pass on to other processes.`,
      this.nameRunning(),
      whereItStands(found),
    ]
      .filter((sentence) => sentence !== '')
      .join(' ');
    // The text goes to the file descriptor, because the main thread serves a thread's own streams.
    const ending = this.data.exits ? ' The process is ended now (watchdog: exit).' : '';
    write(`[nestjs-integration] ${this.reported}${ending}\n`);
    if (this.data.exits) process.kill(process.pid, 'SIGKILL');
  }

  private nameRunning(): string {
    const running = this.memory.running();
    if (running.length === 0)
      return 'None of its handlers runs: something else in the application holds it up.';
    const named = running.slice(0, MOST_NAMED).map(({ handler, position }) => {
      const known = this.handlers.get(handler);
      return `${known?.place ?? 'a handler'} of consumer "${known?.consumerName ?? '?'}" with the event at position ${position}`;
    });
    const others = running.length > named.length ? ` and ${running.length - named.length} more` : '';
    return `Running, the latest first: ${named.join('; ')}${others}.`;
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
  const watch = new Watch(workerData as WatchdogThreadData, (message) => port.postMessage(message));
  port.on('message', (handler: WatchedHandler) => watch.learn(handler));
  watch.start();
}
