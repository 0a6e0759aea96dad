/** A process that routes and sends webhooks, as it is started. */
export interface SenderSetup {
  readonly databaseUrl: string;
  /** Whether it sends. It routes in any case. */
  readonly sends: boolean;
}

/** The event that destinations of the proof ask for. */
export const SENT_EVENT = 'thing.sent';
export const SENDING_TENANT = 'acme';

export type SenderRequest =
  | {
      /** Makes destinations, of which each has a path of its own: `/0`, `/1` and so on. Answers their ids. */
      readonly kind: 'destinations';
      readonly url: string;
      readonly count: number;
    }
  | { /** Bytes of the heap behind a full collection. */ readonly kind: 'heap' };
