/** Something that is wrong with a database, or soon will be. */
export interface Finding {
  /** Which check found it; a stable kebab-case name. */
  check: string;
  /** What was found. */
  finding: string;
  /** What follows from it. */
  meaning: string;
  /** What to do: a statement or command where there is one. */
  fix: string;
  /** The values it is about. */
  details: Record<string, unknown>;
}

/** One thing that is looked at. */
export interface Check {
  readonly name: string;
  run(): Promise<Omit<Finding, 'check'>[]>;
}

/** Thrown by a check that cannot be made here, with the reason. */
export class NotChecked extends Error {
  override readonly name = 'NotChecked';
}

/** What an examination came to. */
export interface Examination {
  schema: string;
  findings: Finding[];
  /** Checks that were made. */
  checked: string[];
  /** Checks that could not be made. */
  notChecked: { check: string; reason: string }[];
}
