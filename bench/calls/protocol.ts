/** What is asked of the process with calls and a saga. Delays are in milliseconds. */
export interface CallCommands {
  /** Makes calls at a steady rate, in turn for each group. From the commit of each to its request, when all have begun. */
  fair: [given: Pace & { groups: number }, answer: number[]];
  /** Makes calls for one group, whose requests go to `url`. */
  hang: [given: { count: number; url: string }, answer: undefined];
  /** Begins sagas, each with a call that the other system has taken and not ended. Resolves when all wait. */
  begin: [given: Range, answer: undefined];
  /** Publishes what webhooks say of these calls. From the commit of each to the step of its saga. */
  steps: [given: Range & Pick<Pace, 'perSecond'>, answer: number[]];
  /** The same by two transactional handlers in a row. The first one writes a row and publishes. */
  hand: [given: Range & Pick<Pace, 'perSecond'>, answer: number[]];
  /** Publishes events of a plain consumer. From the commit of each to its handler. */
  plain: [given: Range & Pick<Pace, 'perSecond'>, answer: number[]];
}

export interface Pace {
  readonly perSecond: number;
  readonly count: number;
}

/** `count` of them, numbered from `from`. */
export interface Range {
  readonly from: number;
  readonly count: number;
}
