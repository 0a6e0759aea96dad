import type { PublishRoute, SystemOptions } from '../systems/measured-system.js';
import type { SystemName } from '../systems/systems.js';

export interface DrainRequest {
  /** Handler calls that make the drain complete: events × consumers. */
  expected: number;
  /** Handler calls before the clock begins. */
  uncounted?: number;
  /** So long after the clock has begun the drain is broken off; the rate then stands for the part that was done. */
  limitMs: number;
  /** Record the process's resident memory every 20 ms, or what is alive after a collection at every 10th handler call. */
  watchMemory?: 'resident' | 'live';
  /** Write a CPU profile of the drain to this file. */
  profileTo?: string;
}

export interface DrainResult {
  /** Handler calls since the clock began. */
  handled: number;
  complete: boolean;
  /** From when the clock began until the database said that nothing is left, or until the limit. */
  seconds: number;
  /** Bytes without the drain and at its highest, where it was watched. */
  memory?: { before: number; peak: number };
}

export interface PacedRequest {
  route: PublishRoute;
  from: number;
  count: number;
  /** Events a second. */
  rate: number;
  writers: number;
}

export interface CompareRequest {
  route: PublishRoute;
  rounds: number;
  /** Transactions on each side in a round. */
  transactions: number;
  /** Transactions on each side before the first round, for so many seconds at the most. */
  warmUp: number;
  warmUpSeconds: number;
}

export interface CompareResult {
  /** Milliseconds a transaction, medians over the blocks. */
  bareMs: number;
  systemMs: number;
  /** Median of the blocks' ratios. */
  ratio: number;
}

export interface CommitsRequest {
  route: PublishRoute;
  writers: number;
  /** On each side, before the first turn. */
  warmUpSeconds: number;
  turnSeconds: number;
  /** Of each side. */
  turns: number;
}

/** Commits a second over all turns of a side. */
export interface CommitsResult {
  bare: number;
  system: number;
}

/** Everything that a child process can be asked; each is answered once. */
export interface ChildCommands {
  open(request: { system: SystemName; options: SystemOptions }): void;
  install(): void;
  fill(request: { from: number; count: number; payloadBytes?: number | undefined }): void;
  drain(request: DrainRequest): DrainResult;
  startConsuming(): void;
  /** Numbers and times of every handler call since the start. */
  handledUntil(request: { expected: number; limitMs: number }): Float64Array;
  untilSettled(request: { limitMs: number }): boolean;
  stopConsuming(): void;
  publishPaced(request: PacedRequest): Float64Array;
  publishAll(request: { route: PublishRoute; from: number; count: number; writers: number }): void;
  /** A result per round; `undefined` where the system cannot publish by that route. */
  comparePublish(request: CompareRequest): CompareResult[] | undefined;
  countCommits(request: CommitsRequest): CommitsResult;
  /** CPU time used so far and resident memory. */
  usage(): { cpuMs: number; residentBytes: number };
  close(): void;
}

export type CommandName = keyof ChildCommands;
export type RequestOf<C extends CommandName> = Parameters<ChildCommands[C]>[0];
export type AnswerOf<C extends CommandName> = ReturnType<ChildCommands[C]>;

export interface ChildRequest {
  id: number;
  command: CommandName;
  request: unknown;
}

export type ChildAnswer = { id: number; answer: unknown } | { id: number; error: string };
