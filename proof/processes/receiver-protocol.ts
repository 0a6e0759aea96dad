/** The steps at which a receiver kills itself, in their order. Those of a receipt, and those of `once`. */
export const OWN_STEPS = [
  'before-verify',
  'after-verify',
  'before-claim',
  'after-claim',
  'after-write',
  'before-commit',
  'after-commit',
  'before-answer',
  'after-answer',
] as const;

export type OwnStep = (typeof OWN_STEPS)[number];

/** An application that takes in webhooks: `POST /webhooks/github` and, for `once`, `POST /payments`. */
export interface ReceiverSetup {
  readonly databaseUrl: string;
  /** Whether statements go through a client of the host. Else the engine uses its own connections. */
  readonly hasHostClient: boolean;
}

export type ReceiverRequest =
  /** Resolves to the address of the server. */
  | { readonly kind: 'address' }
  /** The process kills itself (SIGKILL) when this delivery comes to this step. */
  | { readonly kind: 'arm'; readonly step: OwnStep; readonly delivery: string };

/** The secret of both sources. */
export const RECEIVER_SECRET = 'a secret of the proof';

/** How many events `once` publishes for each payment. */
export const EVENTS_OF_PAYMENT = 2;
