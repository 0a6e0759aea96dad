import type { TokenSet } from '../definition/connector-auth.js';

/** What a provider has said to a request for a token. No reason has a token or a secret. */
export type TokenAnswer =
  | {
      readonly is: 'tokens';
      readonly tokens: TokenSet;
      /** Whose account it is, where the provider says it. */
      readonly account?: string | undefined;
      /** The `sub` of the ID token. */
      readonly subject?: string | undefined;
      /** All that it has said, for the option `account` of the connector. */
      readonly answer?: Readonly<Record<string, unknown>> | undefined;
    }
  /** The grant is not valid any more: only a person can give another one. */
  | { readonly is: 'dead'; readonly reason: string }
  /** It may be better later. */
  | { readonly is: 'failed'; readonly reason: string; readonly retryAfterMs?: number | undefined };
