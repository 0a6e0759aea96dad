/**
 * Explores every state a machine can reach, breadth first, so that the first violation found is one with the
 * fewest steps. Two questions are asked:
 *
 * - safety: is there a reachable state that `broken` names a violation for?
 * - nothing stuck: is there a reachable state from which no `finished` state can be reached by ordinary steps
 *   alone? Faults (a crash, a stall past the lease, a lost connection) may bring a machine anywhere, but they
 *   are not allowed to be what gets it out again.
 *
 * States are kept as packed words in one table (`Bits`), so a million of them cost a few dozen megabytes.
 * `write` may choose one representative of states that differ only in the names of interchangeable actors;
 * a counterexample is replayed on unreduced states, so its names are consistent from its first line to its last.
 */
import { Bits } from './bits.js';
import { StateTable } from './state-table.js';

/** Where a machine's `steps` reports what may happen next. `say` is called only when a counterexample is printed. */
export interface Moves<S> {
  step(say: () => string, change: (next: S) => void): void;
  fault(say: () => string, change: (next: S) => void): void;
}

export interface Machine<S> {
  /** Size of a packed state in 32-bit words. */
  readonly words: number;
  start(): S;
  copy(state: S): S;
  write(state: S, bits: Bits): void;
  read(bits: Bits): S;
  steps(state: S, moves: Moves<S>): void;
  /** The name of the check this state violates, if it violates one. */
  broken(state: S): string | undefined;
  /** A good end: everything that was to be done is done. */
  finished(state: S): boolean;
}

export interface Counterexample {
  /** The check that failed. */
  readonly check: string;
  /** What happened, one line per step, from the start to the violation. */
  readonly steps: readonly string[];
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** The longest of the shortest ways to a state. */
  readonly depth: number;
  /** False when the limit was reached first: then nothing is claimed about the rest. */
  readonly complete: boolean;
  readonly seconds: number;
  readonly counterexample: Counterexample | undefined;
}

/** The check that a machine fails when it can reach a state from which no good end can be reached. */
export const STUCK = 'nothing stuck';

export function explore<S>(machine: Machine<S>, limit = 20_000_000): Exploration {
  return new Explorer(machine, limit).run();
}

class Explorer<S> {
  private readonly bits: Bits;
  private readonly table: StateTable;
  private transitions = 0;
  private violated: { state: number; check: string } | undefined;

  constructor(
    private readonly machine: Machine<S>,
    private readonly limit: number,
  ) {
    this.bits = new Bits(machine.words);
    this.table = new StateTable(machine.words);
  }

  run(): Exploration {
    const began = performance.now();
    this.reach(this.machine.start(), -1);
    let next = 0;
    while (next < this.table.size && this.table.size < this.limit && !this.violated) this.expand(next++);
    const complete = next === this.table.size || this.violated !== undefined;
    if (complete && !this.violated) this.findStuck();
    return {
      states: this.table.size,
      transitions: this.transitions,
      depth: this.depthOf(this.table.size - 1),
      complete,
      seconds: (performance.now() - began) / 1000,
      counterexample: this.violated && {
        check: this.violated.check,
        steps: this.replay(this.violated.state),
      },
    };
  }

  private expand(index: number): void {
    const { machine, table } = this;
    const state = this.stateAt(index);
    const go = (change: (next: S) => void): number => {
      const next = machine.copy(state);
      change(next);
      this.transitions += 1;
      return this.reach(next, index);
    };
    table.beginEdges();
    machine.steps(state, {
      step: (_say, change) => table.addEdge(go(change)),
      fault: (_say, change) => void go(change),
    });
  }

  private reach(state: S, from: number): number {
    this.machine.write(state, this.bits.rewind(true));
    const before = this.table.size;
    const index = this.table.indexOf(this.bits.words, from);
    if (index < before || this.violated) return index;
    const check = this.machine.broken(state);
    if (check) this.violated = { state: index, check };
    return index;
  }

  /** Marks what can still finish, from the last state backwards until nothing changes; the first unmarked state is stuck. */
  private findStuck(): void {
    const { table } = this;
    const canFinish = new Uint8Array(table.size);
    for (let i = 0; i < table.size; i++) canFinish[i] = this.machine.finished(this.stateAt(i)) ? 1 : 0;
    for (let changed = true; changed; ) {
      changed = false;
      for (let i = table.size - 1; i >= 0; i--) {
        if (canFinish[i] === 1 || !table.someEdge(i, (to) => canFinish[to] === 1)) continue;
        canFinish[i] = 1;
        changed = true;
      }
    }
    const stuck = canFinish.indexOf(0);
    if (stuck >= 0) this.violated = { state: stuck, check: STUCK };
  }

  private stateAt(index: number): S {
    this.table.load(index, this.bits.words);
    return this.machine.read(this.bits.rewind(false));
  }

  private depthOf(index: number): number {
    return this.pathTo(index).length - 1;
  }

  private pathTo(index: number): number[] {
    const path = [];
    for (let at = index; at >= 0; at = this.table.parentOf(at)) path.unshift(at);
    return path;
  }

  private replay(index: number): string[] {
    const lines: string[] = [];
    let state = this.machine.start();
    for (const target of this.pathTo(index).slice(1)) {
      let found: { line: string; next: S } | undefined;
      const consider = (say: () => string, change: (next: S) => void): void => {
        if (found) return;
        const next = this.machine.copy(state);
        change(next);
        this.machine.write(next, this.bits.rewind(true));
        if (this.table.holds(target, this.bits.words)) found = { line: say(), next };
      };
      this.machine.steps(state, { step: consider, fault: consider });
      if (!found) throw new Error('a counterexample could not be replayed: the reduction is not sound');
      lines.push(found.line);
      state = found.next;
    }
    return lines;
  }
}
