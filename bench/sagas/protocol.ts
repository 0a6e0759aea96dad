import type { Work } from '../outgoing/protocol.js';

/** What is asked of the process with the saga. */
export interface SagaCommands {
  /** Handles everything that is in the log. */
  drain: [given: object, answer: Work];
}

/** Who handles the events: the saga, or a transactional subscriber that writes the same rows. */
export const WAYS = ['saga', 'hand'] as const;
export type Way = (typeof WAYS)[number];

/** The first event of a conversation, and its second one. */
export const TURNS = ['start', 'step'] as const;
export type Turn = (typeof TURNS)[number];

export const eventNameOf = (way: Way, turn: Turn): string => `${way}.${turn}`;
/** How many handlers of each run at once. */
export const AT_ONCE = 10;

/** What is asked of a process that runs whole conversations: three steps, a signal that is waited for, and a fourth step. */
export interface FlowCommands {
  /** Runs `count` conversations, and answers when all have ended. */
  flows: [given: { from: number; count: number }, answer: Work];
}

export const FLOW_STEPS = ['one', 'two', 'three', 'four'] as const;
