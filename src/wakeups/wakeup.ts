/** A reason to look at the log now. */
export interface Wakeup {
  /**
   * `publish`: written without a transaction; `commit`: a transaction committed; `listen`: another process
   * said so; `manual`: `notify()` was called; `schedule`: a delayed event is due.
   */
  source: 'publish' | 'commit' | 'listen' | 'manual' | 'schedule';
  /** The names of the events, where they are known. */
  eventNames?: readonly string[] | undefined;
  /** Not about new events alone: rows of the inbox may be due now, after a redrive for one. */
  concernsInbox?: boolean | undefined;
}
