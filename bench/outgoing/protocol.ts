/** What is asked of the process that sends. Each command has what it is given, and what it answers. */
export interface SenderCommands {
  /**
   * Makes `count` destinations, `perTenant` in each of the tenants `<tenant>-0`, `<tenant>-1` and so on. Answers their
   * ids.
   */
  destinations: [given: { count: number; url: string; tenant: string; perTenant: number }, answer: string[]];
  /** Sends everything that is due. */
  send: [given: object, answer: Work];
  /** So many equal requests by the client of the package, without a database. */
  client: [given: Requests, answer: Work];
  /** The same by node:http with connections that are kept. */
  bare: [given: Requests, answer: Work];
  /** Routes everything that is in the log. */
  route: [given: object, answer: Work];
  /** Publishes events at a steady rate, in turn for each of these tenants. How many there were. */
  publish: [given: { perSecond: number; seconds: number; tenant: string; tenants: number }, answer: number];
  /** Bytes of the heap behind a full collection. */
  heap: [given: object, answer: number];
}

export interface Requests {
  readonly url: string;
  readonly count: number;
  readonly inFlight: number;
}

/** What some work took. */
export interface Work {
  readonly ms: number;
  /** Of the processor, in user mode and in the system, by this process. */
  readonly cpuMs: number;
}

/** What is asked of the process with pg-boss. */
export interface BossCommands {
  /** Puts `count` jobs into the queue, and works until all are done. */
  send: [given: { url: string; count: number }, answer: Work];
}

/** What is asked of the process that receives. */
export interface TargetCommands {
  url: [given: object, answer: string];
  /** Milliseconds from the events to their requests, and forgets them. Requests that hang are not among them. */
  take: [given: object, answer: number[]];
  /** How many would be taken now, and how many requests hang. */
  counts: [given: object, answer: { taken: number; hanging: number }];
  /** Answers with 500 what hangs. */
  letGo: [given: object, answer: undefined];
}

export const EVENT = 'invoice.created';
