import type { ProofCall } from '../calls/calls-of-proof.js';

/** An application with the types of calls of the proof, as it is started. */
export interface CallingSetup {
  readonly databaseUrl: string;
  /** The other system. */
  readonly systemUrl: string;
  readonly role: 'publisher' | 'all';
}

export type CallingRequest =
  | { readonly kind: 'create'; readonly calls: readonly ProofCall[] }
  /** A webhook has come for this external id. */
  | { readonly kind: 'webhook'; readonly externalId: string };
