import { IntegrationError } from '../../errors.js';
import type { TokenSet } from '../definition/connector-auth.js';

/** The tokens as they are sealed. When they expire stands in the row of the token. */
export function textOfTokens({ accessToken, refreshToken, scopes }: TokenSet): string {
  return JSON.stringify({ accessToken, refreshToken, scopes });
}

/** @throws IntegrationError INTEGRATION_SECRET_UNREADABLE for a text that was not written here */
export function tokensOfText(text: string, connectionId: string): TokenSet {
  try {
    const tokens = JSON.parse(text) as TokenSet;
    if (typeof tokens.accessToken === 'string') return tokens;
  } catch {
    // The text is not repeated: it holds a token.
  }
  throw new IntegrationError(
    'INTEGRATION_SECRET_UNREADABLE',
    `The token of the connection ${connectionId} is not in the form in which tokens are kept`,
    { connectionId },
  );
}
