import type { Requests, Work } from '../outgoing/protocol.js';

/** What is asked of a process that sends requests to another system. */
export interface ConnectorCommands {
  /** The tables are there. */
  ready: [given: object, answer: undefined];
  /** So many equal requests through a connection, with a token, a limit and a breaker. */
  connection: [given: Requests, answer: Work];
  /** The same by node:http with connections that are kept. */
  bare: [given: Requests, answer: Work];
  /** Passes the gate as often as it may, with so many that wait, and says when each passed. */
  gate: [given: Passing, answer: Passed];
  /** The same with one statement for each request. */
  row: [given: Passing, answer: Passed];
}

export interface Passing {
  readonly perSecond: number;
  readonly waiting: number;
  readonly seconds: number;
  readonly processes: number;
}

export interface Passed {
  /** By the clock of the machine, in milliseconds. */
  readonly moments: number[];
  readonly statements: number;
  readonly cpuMs: number;
}
