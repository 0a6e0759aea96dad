import type { OutboxSettings } from 'nestjs-integration';

export type ConsumerKind = 'plain' | 'transactional' | 'batch';

/** A consumer as a worker process registers it. `batch` is transactional as well. */
export interface ConsumerSpec {
  readonly name: string;
  readonly kind: ConsumerKind;
  readonly eventNames: readonly string[];
  readonly concurrency?: number;
  readonly partitions?: number;
  readonly timeoutMs?: number;
}

interface ProcessSetup {
  readonly databaseUrl: string;
  /** Where its journal goes, and under which name. */
  readonly folder: string;
  readonly name: string;
  /** Connections of the host's client. */
  readonly hostConnections: number;
  readonly settings: Partial<OutboxSettings>;
}

export interface WorkerSetup extends ProcessSetup {
  readonly consumers: readonly ConsumerSpec[];
  /** A handler's work takes up to so many milliseconds. */
  readonly workMs: number;
  /** Whether events with `holdMs` hold their handler up in this process. */
  readonly holds: boolean;
}

export interface PublisherSetup extends ProcessSetup {
  readonly seed: number;
  /** Transactions at once. */
  readonly writers: number;
  /** Events of one aggregate in one transaction, at most. */
  readonly eventsPerTransaction: number;
  readonly aggregates: number;
  readonly eventNames: readonly string[];
  /** Share of transactions that roll back. */
  readonly rollbacks: number;
}

/** What an event carries: besides its order, what its handler is to do. */
export interface ProofPayload {
  readonly sequence: number;
  readonly number?: number;
  /** Ends the process. */
  readonly exit?: boolean;
  /** Announces itself, then takes so long. */
  readonly holdMs?: number;
  /** The number of attempts that fail. */
  readonly failures?: number;
}

/** One event of `publish`. */
export interface PlannedEvent {
  readonly aggregate: string;
  readonly eventName: string;
  readonly payload?: Partial<ProofPayload>;
  readonly delayMs?: number;
}

/** What the harness asks of a process; each is answered once, under its id. */
export type Request =
  /** Publisher: keeps publishing so many events a second (undefined: as fast as it can), up to `events`. */
  | { readonly kind: 'run'; readonly rate?: number; readonly events?: number }
  /** Publisher: resolves once a run has ended by itself. */
  | { readonly kind: 'finished' }
  /** Publisher: ends the run; resolves to how many events it has committed. */
  | { readonly kind: 'halt' }
  /** Publisher: these events, a transaction each for those of one aggregate. */
  | { readonly kind: 'publish'; readonly events: readonly PlannedEvent[] }
  /** Any: takes every connection of the host's client for so long. */
  | { readonly kind: 'exhaust'; readonly ms: number }
  | { readonly kind: 'usage' }
  /** Worker: its `OutboxProcessor.getStats()`. */
  | { readonly kind: 'stats' };

export interface Usage {
  readonly cpuMs: number;
  readonly residentBytes: number;
}

export type Message =
  | { readonly kind: 'ready' }
  | { readonly kind: 'holding'; readonly consumer: string; readonly eventId: string }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: string };
