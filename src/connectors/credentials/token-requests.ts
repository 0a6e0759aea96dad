import { messageOf } from '../../errors.js';
import type { TokenSet } from '../definition/connector-auth.js';
import { scopesOf } from '../definition/connector-view.js';
import type { Variables } from '../definition/environment.js';
import { resolvedProvider } from '../oauth/resolved-provider.js';
import type { TokenAnswer } from '../oauth/token-answer.js';
import type { TokenEndpoint } from '../oauth/token-endpoint.js';
import type { OpenedConnection } from './opened-connection.js';
import type { Refreshable } from './refresher.js';

/**
 * How a connection gets its tokens. Undefined where its mode has none: it shows a secret that somebody has
 * stored.
 */
export function refreshableOf(
  opened: OpenedConnection,
  endpoint: TokenEndpoint,
  variables: Variables,
): Refreshable | undefined {
  const { connection, connector, secrets, config } = opened;
  const { auth } = connector;
  const of = { id: connection.id, tenantId: connection.tenantId, connector: connector.key };
  const given = { variables, secrets, config };
  switch (auth.mode) {
    case 'oauth2':
    case 'oidc':
      return {
        ...of,
        canRefresh: (token) => token?.refreshToken !== undefined,
        request: (token, signal) =>
          caught(() => endpoint.refresh(resolvedProvider(auth, given), token?.refreshToken ?? '', signal)),
      };
    case 'clientCredentials':
      return {
        ...of,
        canRefresh: () => true,
        request: (_, signal) =>
          caught(() =>
            endpoint.clientCredentials(resolvedProvider(auth, given), scopesOf(connector), signal),
          ),
      };
    case 'custom': {
      const { options } = auth;
      if (options.refresh === undefined) return undefined;
      return {
        ...of,
        canRefresh: () => true,
        request: (token, signal) =>
          caught(async () => {
            const made = await options.refresh?.({ config: config as never, secrets, token }, signal);
            return answerOf(made);
          }, 'refresh of the connector has thrown'),
      };
    }
    default:
      return undefined;
  }
}

/** What the code of a connector returns may be anything. */
function answerOf(made: TokenSet | undefined): TokenAnswer {
  const { accessToken, refreshToken, expiresInSeconds, scopes } = Object(made) as Partial<TokenSet>;
  const isRight =
    typeof accessToken === 'string' &&
    accessToken !== '' &&
    (expiresInSeconds === undefined || (typeof expiresInSeconds === 'number' && expiresInSeconds > 0));
  if (!isRight)
    return {
      is: 'failed',
      reason: 'refresh of the connector must return { accessToken, expiresInSeconds? }',
    };
  return { is: 'tokens', tokens: { accessToken, refreshToken, expiresInSeconds, scopes } };
}

/** @param said in the place of the message of an error of somebody's code, which may have a token */
async function caught(ask: () => Promise<TokenAnswer>, said?: string): Promise<TokenAnswer> {
  try {
    return await ask();
  } catch (error) {
    return { is: 'failed', reason: said ?? messageOf(error) };
  }
}
