import { IntegrationError } from '../../errors.js';
import type { Problem } from './connector.js';
import './error-codes.js';

export function invalidConnector(problems: readonly string[]): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CONNECTOR_INVALID',
    `ConnectorsModule cannot start: ${problems.join('; ')}`,
    { problems },
  );
}

/** @param hint ` (did you mean hris?)` */
export function unknownConnector(said: string, hint = ''): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CONNECTOR_UNKNOWN',
    `This process has no connector ${JSON.stringify(said)}${hint}`,
    { connector: said },
  );
}

/** A connection of another tenant is unknown as well. */
export function unknownConnection(id: unknown): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CONNECTION_UNKNOWN',
    `This tenant has no connection ${JSON.stringify(id)}`,
    { connectionId: id },
  );
}

export function invalidConnection(what: string, problems: readonly Problem[]): IntegrationError {
  return new IntegrationError('INTEGRATION_CONNECTION_INVALID', `${what}: ${sentencesOf(problems)}`, {
    problems,
  });
}

/** `config.region must be eu or us; config.site must not be empty` */
export function sentencesOf(problems: readonly Problem[]): string {
  return problems
    .map(({ path, message }) => (path === undefined ? message : `${path}: ${message}`))
    .join('; ');
}

export function wrongState(id: string, state: string, why: string): IntegrationError {
  return new IntegrationError('INTEGRATION_CONNECTION_STATE', `The connection ${id} is ${state}: ${why}`, {
    connectionId: id,
    state,
  });
}

export function notAllowed(id: string, action: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CONNECTION_NOT_ALLOWED',
    `The connection ${id} may not do ${JSON.stringify(action)}: its actions do not have it`,
    { connectionId: id, action },
  );
}

/** It says the same of each state that cannot be used, so nobody learns which states there were. */
export function wrongAuthorization(why: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_AUTHORIZATION_STATE',
    `The authorization cannot be completed: ${why}. Begin it anew`,
  );
}

export function failedAuthorization(why: string, cause?: unknown): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_AUTHORIZATION_FAILED',
    `The provider has not authorized the connection: ${why}`,
    {},
    cause === undefined ? {} : { cause },
  );
}

export function refreshFailed(id: string, why: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_TOKEN_REFRESH_FAILED',
    `The connection ${id} has no valid token, and could not get one: ${why}`,
    { connectionId: id },
  );
}

export function inBackoff(id: string, retryAfterMs: number): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_TOKEN_BACKOFF',
    `The connection ${id} has no valid token, and the last attempts to get one failed: it is tried again in ${Math.ceil(retryAfterMs)} ms`,
    { connectionId: id, retryAfterMs: Math.ceil(retryAfterMs) },
  );
}

export function reauthorizationRequired(id: string, why: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_REAUTHORIZATION_REQUIRED',
    `The connection ${id} must be authorized again: ${why}`,
    { connectionId: id },
  );
}

/** @param hint ` (did you mean employees.list?)` */
export function unknownAction(connector: string, action: unknown, hint: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CONNECTOR_UNKNOWN',
    `The connector ${connector} has no action ${JSON.stringify(action)}${hint}`,
    { connector, action },
  );
}

export function missingScopes(id: string, action: string, scopes: readonly string[]): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CONNECTION_NOT_ALLOWED',
    `The connection ${id} may not do ${JSON.stringify(action)}: the provider has not granted ${scopes.join(', ')}. Authorize it again`,
    { connectionId: id, action, scopes: [...scopes] },
  );
}

export function invalidAction(
  place: string,
  of: 'input' | 'output',
  problems: readonly Problem[],
): IntegrationError {
  const what = of === 'input' ? 'was given what it does not take' : 'has returned what it must not';
  return new IntegrationError('INTEGRATION_ACTION_INVALID', `${place} ${what}: ${sentencesOf(problems)}`, {
    of,
    problems,
  });
}

export function timedOutAction(place: string, timeoutMs: number): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_ACTION_TIMEOUT',
    `${place} has not ended within ${timeoutMs} ms. The other system may have done it`,
    { timeoutMs },
  );
}
