import { currentContext } from '../../context/integration-context.js';
import { IntegrationError, type IntegrationErrorCode, PostponeError } from '../../errors.js';
import type { WhyNot } from '../../gate/gate.store.js';
import type { OutgoingFailureKind } from '../../http/outgoing-answer.js';
import './error-codes.js';

/**
 * What errors say of a request. The path is the one that the caller gave, without its query: credentials may
 * have been put on the URL that was sent. Headers and bodies stand in no error.
 */
export interface RequestOfError {
  readonly connector: string;
  readonly connectionId: string;
  readonly method: string;
  readonly path: string;
  /** Which attempt it was, from 1 on. */
  readonly attempt: number;
}

const CODES: { readonly [K in OutgoingFailureKind]: IntegrationErrorCode } = {
  refused: 'INTEGRATION_HTTP_ADDRESS_REFUSED',
  dns: 'INTEGRATION_HTTP_FAILED',
  connect: 'INTEGRATION_HTTP_FAILED',
  tls: 'INTEGRATION_HTTP_FAILED',
  timeout: 'INTEGRATION_HTTP_TIMEOUT',
  reset: 'INTEGRATION_HTTP_FAILED',
  protocol: 'INTEGRATION_HTTP_FAILED',
  proxy: 'INTEGRATION_HTTP_FAILED',
  aborted: 'INTEGRATION_CLOSED',
};

/** There was no answer. */
export function withoutAnswer(
  of: RequestOfError,
  { kind, message, status }: { kind: OutgoingFailureKind; message: string; status?: number | undefined },
): IntegrationError {
  return new IntegrationError(CODES[kind], `${nameOf(of)} has no answer: ${message}`, {
    ...of,
    kind,
    ...(status === undefined ? {} : { status }),
  });
}

/** The answer is one of a failure. */
export function badStatus(
  of: RequestOfError,
  status: number,
  requestId: string | undefined,
): IntegrationError {
  return unusable(of, status, requestId, `was answered ${status}`);
}

/** The answer says that all is well, and cannot be used. `words` follow the request in the message. */
export function unusable(
  of: RequestOfError,
  status: number,
  requestId: string | undefined,
  words: string,
  details: Record<string, unknown> = {},
): IntegrationError {
  const id = requestId === undefined ? '' : `, request ${requestId}`;
  return new IntegrationError(
    'INTEGRATION_HTTP_FAILED',
    `${nameOf(of)} ${words} (attempt ${of.attempt}${id})`,
    { ...of, status, ...(requestId === undefined ? {} : { requestId }), ...details },
  );
}

export function tooLarge(of: RequestOfError, status: number, bytes: number): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_HTTP_TOO_LARGE',
    `The answer to ${nameOf(of)} has more than ${bytes} bytes. Ask for less at once, or raise the setting connectors.maxResponseBytes`,
    { ...of, status, bytes },
  );
}

/** @param origin what was asked for: never a path or a query, which may hold secrets */
export function originRefused(
  of: RequestOfError,
  origin: string,
  allowed: readonly string[],
): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_HTTP_ORIGIN_REFUSED',
    `${of.method} was to go to ${origin}, and the credentials of connector "${of.connector}" go to ${allowed.join(', ')} only. Nothing was sent`,
    { ...of, origin, allowed },
  );
}

/**
 * The request may not be sent for so long, which nobody sleeps. A handler puts its event off. Other code gets
 * the time.
 */
export function notNow(of: RequestOfError, why: WhyNot, waitMs: number, status?: number): Error {
  const retryAfterMs = Math.max(1, Math.ceil(waitMs));
  const words = `${nameOf(of)} may not be sent for ${retryAfterMs} ms: ${WHY[why]}`;
  if (currentContext()?.handler !== undefined) return new PostponeError(retryAfterMs, words);
  return new IntegrationError(
    why === 'open' ? 'INTEGRATION_CIRCUIT_OPEN' : 'INTEGRATION_RATE_LIMITED',
    words,
    { ...of, retryAfterMs, ...(status === undefined ? {} : { status }) },
  );
}

const WHY: { readonly [W in WhyNot]: string } = {
  open: 'the other system has failed too often, and is tried again then',
  blocked: 'the other system has asked for it',
  limit: 'the limits of the connector are used up',
};

export function loopOfPages(of: RequestOfError, page: number): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_PAGINATION_LOOP',
    `The pages of ${nameOf(of)} go in a circle: what page ${page} says of the next one was said before`,
    { ...of, page },
  );
}

function nameOf({ method, path }: RequestOfError): string {
  return `${method} ${path}`;
}
