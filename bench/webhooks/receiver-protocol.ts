/** What the receiver says when it is up. */
export interface ReceiverAnswer {
  readonly url: string;
}

export const SECRET = 'a secret of the benchmark';

/** The routes that are compared. Both get the same requests. */
export const PATHS = { bare: '/bare', webhook: '/webhooks/github' } as const;
