import type { BenchServer } from '../harness/bench-server.js';
import type { Report } from '../harness/report.js';

/** How much a run does. Ratios count, so a quick run keeps the rounds that promises rest on and shrinks the rest. */
export interface Sizes {
  quick: boolean;
  /** Every figure that a promise rests on is the median of this many. */
  rounds: number;
  /** Waiting events in a drain. */
  backlog: number;
  /** Of a drain's events, so many are handled before the clock begins: 0 to 1. Until its code is compiled, for some 20,000 events, a process is slow. */
  uncounted: number;
  /** A drain that is not done by then is broken off and counted by what it did. */
  drainLimitMs: number;
  /** A scenario that is not done by then is broken off, and the run goes on with the next. */
  scenarioLimitMs: number;
}

export interface Bench {
  server: BenchServer;
  report: Report;
  sizes: Sizes;
  /** Where profiles and charts go. */
  resultsFolder: string;
  /** Write CPU profiles of this project's drains. */
  profile: boolean;
}

export interface Scenario {
  /** Kebab-case; what `--only` takes. */
  name: string;
  /** What it tests, in a sentence. */
  promise: string;
  /** Runs only in full, or when asked for by name. */
  slow?: true;
  /** Hardly takes part of the machine, and has a server of its own: in a quick run it goes on beside the others. */
  idle?: true;
  run(bench: Bench): Promise<void>;
}
