import type { BrokerName } from '../harness/brokers.js';

/** An application with a relay, a source or both, as it is started. */
export interface RelayingSetup {
  readonly databaseUrl: string;
  readonly broker: BrokerName;
  readonly address: string;
  /** Its name in `via`. */
  readonly application?: string;
  /** The relay sends all events of the proof to this place. */
  readonly to?: string;
  /** A second relay sends them to somebody who accepts one message a second. */
  readonly hasSlowRelay?: boolean;
  /** The source takes in what is at this place. */
  readonly from?: string;
  /** A transactional handler has an effect for each event of this name. */
  readonly handles?: string;
  /** This handler publishes an event of this name in its transaction. */
  readonly answers?: string;
}

export type RelayingRequest =
  | { readonly kind: 'counts' }
  /** The bytes of the heap behind a full collection. */
  | { readonly kind: 'heap' };

/** What the process has counted since it began. */
export interface RelayingCounts {
  /** Calls of the relay's handler. */
  readonly calls: number;
  readonly accepted: number;
  readonly duplicates: number;
  /** Messages of the slow relay that were accepted. */
  readonly acceptedSlowly: number;
}

/** The consumers of this process. */
export const RELAY = 'relay.out';
export const SLOW_RELAY = 'relay.slow';
export const HANDLER = 'handler';
export const SOURCE = 'in';
