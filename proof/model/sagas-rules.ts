/** The rules of sagas as data: each is a decision of `src/sagas`, and each has a wrong turn that a mutant takes. */

export interface SagasRules {
  /** What is there is read by a statement behind the one that takes the lock of the saga. */
  readonly look: 'behind the lock' | 'in the statement of the lock' | 'without the lock';
  /** A timeout acts only if the saga has its token. */
  readonly timeoutHasToken: boolean;
  /** The events of an undo are written by the transaction of the step. */
  readonly undoIsInTheCommit: boolean;
  /** The position of the event is settled by the transaction of the step. */
  readonly positionIsInTheCommit: boolean;
  /** An event that was sent again by an admin is looked for in the history. */
  readonly replayAsksHistory: boolean;
  /** An event that has waited is looked for in the history: an admin may have sent it again meanwhile. */
  readonly againAsksHistory: boolean;
  /** Code puts an event off whose saga was written by a newer version. */
  readonly olderPutsOff: boolean;
  /** The transaction that reaches a step releases the events that wait for it. */
  readonly releasesInTheCommit: boolean;
}

export const sagasRules: SagasRules = {
  look: 'behind the lock',
  timeoutHasToken: true,
  undoIsInTheCommit: true,
  positionIsInTheCommit: true,
  replayAsksHistory: true,
  againAsksHistory: true,
  olderPutsOff: true,
  releasesInTheCommit: true,
};

export interface SagasSetup {
  /** The second process has the next version of the code. */
  readonly versions: 1 | 2;
  /** How often an admin sends the second event again. */
  readonly replays: 0 | 1;
  /** Processes die anywhere in a step. */
  readonly faults: boolean;
}
