/** Handlers beyond this number are not named. */
const SLOTS = 1_024;
const TICK = 0;
const LEASE_MS = 1;
const LATEST = 2;
const INSPECTED = 3;
const HEADER_CELLS = 4;

/** A handler that runs: the index under which it was announced, and the log position of its first event. */
export interface RunningHandler {
  readonly handler: number;
  readonly position: number;
}

/**
 * The memory that the main thread and the watchdog's thread share. The main thread writes two things: a tick
 * that moves as long as its event loop turns, and the handlers that run. A write is a store into a typed
 * array and sends no message, because handlers may start very often.
 */
export class WatchedMemory {
  private readonly header: Int32Array<SharedArrayBuffer>;
  /** For each slot, the handler's index plus one. 0 means that nothing runs there. */
  private readonly handlers: Int32Array<SharedArrayBuffer>;
  private readonly positions: Float64Array<SharedArrayBuffer>;

  private constructor(readonly buffer: SharedArrayBuffer) {
    const positionBytes = SLOTS * Float64Array.BYTES_PER_ELEMENT;
    this.positions = new Float64Array(buffer, 0, SLOTS);
    this.header = new Int32Array(buffer, positionBytes, HEADER_CELLS);
    this.handlers = new Int32Array(buffer, positionBytes + this.header.byteLength, SLOTS);
  }

  static create(): WatchedMemory {
    const cells = HEADER_CELLS + SLOTS;
    const bytes = SLOTS * Float64Array.BYTES_PER_ELEMENT + cells * Int32Array.BYTES_PER_ELEMENT;
    return new WatchedMemory(new SharedArrayBuffer(bytes));
  }

  static over(buffer: SharedArrayBuffer): WatchedMemory {
    return new WatchedMemory(buffer);
  }

  static get slots(): number {
    return SLOTS;
  }

  /**
   * Moves the tick. The main thread calls this while its event loop turns.
   *
   * @param isInspected whether a debugger may be attached
   */
  beat(leaseMs: number, isInspected: boolean): void {
    Atomics.store(this.header, LEASE_MS, leaseMs);
    Atomics.store(this.header, INSPECTED, isInspected ? 1 : 0);
    Atomics.add(this.header, TICK, 1);
  }

  get tick(): number {
    return Atomics.load(this.header, TICK);
  }

  get leaseMs(): number {
    return Atomics.load(this.header, LEASE_MS);
  }

  get isInspected(): boolean {
    return Atomics.load(this.header, INSPECTED) === 1;
  }

  enter(slot: number, handler: number, position: number): void {
    // Plain stores are enough, because they are read only when this thread has not run for seconds.
    this.positions[slot] = position;
    this.handlers[slot] = handler + 1;
    this.header[LATEST] = slot;
  }

  leave(slot: number): void {
    this.handlers[slot] = 0;
  }

  /** The running handlers. The one that started last is first. */
  running(): RunningHandler[] {
    const latest = Atomics.load(this.header, LATEST);
    const running: RunningHandler[] = [];
    for (let slot = 0; slot < SLOTS; slot++) {
      const handler = Atomics.load(this.handlers, slot) - 1;
      if (handler < 0) continue;
      const found = { handler, position: this.positions[slot] ?? 0 };
      if (slot === latest) running.unshift(found);
      else running.push(found);
    }
    return running;
  }
}
