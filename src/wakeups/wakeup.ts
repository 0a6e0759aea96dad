/** A reason to look at the log now. */
export interface Wakeup {
  /**
   * `publish`: an event was written without a transaction. `commit`: a transaction committed. `listen`:
   * another process reported it. `manual`: `notify()` was called. `schedule`: a delayed event is due.
   */
  source: 'publish' | 'commit' | 'listen' | 'manual' | 'schedule';
  /** The names of the events, if they are known. */
  eventNames?: readonly string[] | undefined;
  /** Whether rows of the inbox may be due too, for example after a redrive. */
  concernsInbox?: boolean | undefined;
}
