/**
 * How bad a finding is. `critical`: events are lost, or not published or not delivered, now or soon.
 * `warning`: something does not work as it should. `info`: it may be meant so.
 */
export const FINDING_SEVERITIES = ['critical', 'warning', 'info'] as const;
export type FindingSeverity = (typeof FINDING_SEVERITIES)[number];

/** 0 for the worst. */
export function rankOfSeverity(severity: FindingSeverity): number {
  return FINDING_SEVERITIES.indexOf(severity);
}

/** A call of a service that mends what was found. */
export interface FindingAction {
  readonly service: 'ConsumerService' | 'IntegrationSettingsService' | 'OperationService';
  readonly method: string;
  readonly arguments: readonly (string | number | boolean)[];
}

/** A problem of a database, now or soon. */
export interface Finding {
  /**
   * The check and what the finding is about, the same in every examination as long as the problem is there:
   * `orphaned-consumer/billing`. The parts behind the check are encoded as those of a URL.
   */
  key: string;
  /** The check that found it, by its stable name in kebab case. */
  check: string;
  severity: FindingSeverity;
  /** Since when it is so. Null if that is not known. */
  since: Date | null;
  /** What was found. */
  finding: string;
  /** What it leads to. */
  meaning: string;
  /** What to do. It contains a statement or command if there is one. */
  fix: string;
  /** What to do, if a service does it. Null if not, or if somebody has to decide what first. */
  action: FindingAction | null;
  /** The values that the finding is about. */
  details: Record<string, unknown>;
}

/** What a check says of a problem that it found. */
export interface Found extends Pick<Finding, 'finding' | 'meaning' | 'fix' | 'details'> {
  /** What the finding is about: a consumer and its partition, an index. Nothing for what exists only once. */
  readonly about?: readonly (string | number)[];
  /** The default is that of the check. */
  readonly severity?: FindingSeverity;
  readonly since?: Date | null;
  readonly action?: FindingAction;
}

/** One check of an examination. */
export interface Check {
  readonly name: string;
  /** How bad its findings are. The default is `warning`. */
  readonly severity?: FindingSeverity;
  run(): Promise<Found[]>;
}

/** A check that cannot be made here throws it, with the reason. */
export class NotChecked extends Error {
  override readonly name = 'NotChecked';
}

/** The result of an examination. */
export interface Examination {
  schema: string;
  /** When it ended. */
  at: Date;
  findings: Finding[];
  /** Checks that were made. */
  checked: string[];
  /** Checks that could not be made. */
  notChecked: { check: string; reason: string }[];
}

export function findingOf({ name, severity = 'warning' }: Check, found: Found): Finding {
  const { about = [], finding, meaning, fix, details } = found;
  return {
    key: [name, ...about.map((part) => encodeURIComponent(part))].join('/'),
    check: name,
    severity: found.severity ?? severity,
    since: found.since ?? null,
    finding,
    meaning,
    fix,
    action: found.action ?? null,
    details,
  };
}

/** The time that lies this number of seconds back. */
export function secondsAgo(seconds: number): Date {
  return new Date(Date.now() - seconds * 1_000);
}
