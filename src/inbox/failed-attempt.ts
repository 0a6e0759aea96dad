/** How many attempts the inbox keeps of each event. The oldest one is forgotten first. */
export const ATTEMPTS_KEPT = 10;

/** The kind of failure of an attempt that its process, or its session, left unfinished. */
export const INTERRUPTED_KIND = 'interrupted';

/**
 * The first 16 characters of a fingerprint say the class and the message of the error. The others say where
 * it was thrown. An index of the inbox has the beginnings.
 */
export const CAUSE_LENGTH = 16;

/** A line that the logger of a handler wrote, as it is kept with an attempt that failed. */
export interface HandlerLine {
  /** When it was written, as an ISO text in UTC. */
  at: string;
  level: 'log' | 'error' | 'warn' | 'debug' | 'verbose' | 'fatal';
  /** As `redact` returned it, at most 1 KB. One that was cut ends with `…`. */
  text: string;
}

/** An attempt that failed, as the inbox keeps it, whatever becomes of the event later. */
export interface FailedAttempt {
  /** Its number. It begins at 1 again when the event is redriven. */
  attempt: number;
  /** When it began, as an ISO text in UTC. */
  at: string;
  /** How long it ran, in milliseconds. Null if its process ended meanwhile. */
  ms: number | null;
  /** The process that ran it: the id under which the others know it, its host and its pid. */
  process: string | null;
  host: string | null;
  pid: number | null;
  /** The text of the error and of its causes, at most 2 KB. */
  error: string;
  /** The stacks of the error and of its causes, at most 4 KB. Null if it has none. */
  stack: string | null;
  /** The same for failures of one kind. Those of one cause have the same first 16 characters. */
  fingerprint: string;
  /**
   * The last lines of `context.logger`, the oldest first. There are none without the option `handlerLines`.
   */
  lines: HandlerLine[];
  /** How many lines it wrote before these, which are not kept. */
  linesLeftOut: number;
}

/** The same in its row, which has no lines where there were none. */
export type StoredAttempt = Omit<FailedAttempt, 'lines' | 'linesLeftOut'> &
  Partial<Pick<FailedAttempt, 'lines' | 'linesLeftOut'>>;

/** What an admin decided about an event last. The columns of its failure stay as they were. */
export interface Resolution {
  /** `replay` is of a replay that chooses events. One of a range of positions keeps no row. */
  action: 'redrive' | 'discard' | 'replay';
  /** As in the audit. */
  by: string;
  reason: string | null;
  /** An ISO text in UTC. */
  at: string;
  /** The kind of the failure that was decided about. */
  fingerprint: string | null;
  /** How many attempts were counted before. */
  attempts: number;
}
