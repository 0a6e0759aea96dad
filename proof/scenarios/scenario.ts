import type { ProcessGroup } from '../harness/child-process.js';
import type { ProofDatabase, ProofServer } from '../harness/proof-server.js';
import type { Random } from '../harness/random.js';
import type { Report } from '../harness/report.js';

/** How much of everything. */
export interface Sizes {
  readonly long: boolean;
  readonly events: number | undefined;
  readonly rate: number | undefined;
  readonly seconds: number | undefined;
}

/** What a scenario works with: all of it is its own and ended after it. */
export interface Stage<S = Sizes> {
  readonly server: ProofServer;
  readonly database: ProofDatabase;
  readonly processes: ProcessGroup;
  /** Where journals and logs of its processes are. */
  readonly folder: string;
  readonly random: Random;
  readonly seed: number;
  readonly report: Report;
  readonly sizes: S;
}

export interface Scenario<S = Sizes> {
  readonly name: string;
  /** What it shows, in a line. */
  readonly shows: string;
  /** Runs only when it is named: it shows nothing in a minute. */
  readonly onlyByName?: true;
  run(stage: Stage<S>): Promise<void>;
}
