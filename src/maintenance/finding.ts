/** A problem of a database, now or soon. */
export interface Finding {
  /** The check that found it, by its stable name in kebab case. */
  check: string;
  /** What was found. */
  finding: string;
  /** What it leads to. */
  meaning: string;
  /** What to do. It contains a statement or command if there is one. */
  fix: string;
  /** The values that the finding is about. */
  details: Record<string, unknown>;
}

/** One check of an examination. */
export interface Check {
  readonly name: string;
  run(): Promise<Omit<Finding, 'check'>[]>;
}

/** A check that cannot be made here throws it, with the reason. */
export class NotChecked extends Error {
  override readonly name = 'NotChecked';
}

/** The result of an examination. */
export interface Examination {
  schema: string;
  findings: Finding[];
  /** Checks that were made. */
  checked: string[];
  /** Checks that could not be made. */
  notChecked: { check: string; reason: string }[];
}
