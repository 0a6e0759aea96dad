import type { RelayOutcome } from '../relays/relay-message.js';

/** The message is larger than the stream or the server takes. */
const TOO_LARGE = 10_054;
/** The stream is full, and refuses what is new. */
const STREAM_FULL = 10_077;

/** Errors of the client that hold for every message until the server is there again. */
const AWAY: ReadonlySet<string> = new Set([
  'TimeoutError',
  'ClosedConnectionError',
  'DrainingConnectionError',
  'ConnectionError',
  'ProtocolError',
  'RequestError',
  'NoRespondersError',
  'JetStreamNotEnabled',
]);
/** The message cannot be sent as it is. */
const NEVER: ReadonlySet<string> = new Set(['InvalidArgumentError', 'InvalidSubjectError']);

/** What an error of `publish` means. */
export function outcomeOfNats(error: unknown): RelayOutcome {
  const { name, code, err_code: nested } = describe(error);
  if (NEVER.has(name) || nested === TOO_LARGE) return { is: 'refused', error, isFinal: true };
  if (AWAY.has(name)) return { is: 'unavailable', error };
  if (name === 'JetStreamApiError' && code === 503 && nested !== STREAM_FULL)
    return { is: 'unavailable', error };
  return { is: 'refused', error };
}

/** Whether nobody answered. Either no stream takes the subject, or JetStream is away. */
export function isUnanswered(error: unknown): boolean {
  const { name } = describe(error);
  return name === 'JetStreamNotEnabled' || name === 'NoRespondersError';
}

/** Whether the server says that no stream takes a subject. */
export function isWithoutStream(error: unknown): boolean {
  const { name, message } = describe(error);
  return name === 'StreamNotFoundError' || /no stream matches subject|stream not found/i.test(message);
}

function describe(error: unknown): { name: string; message: string; code?: unknown; err_code?: unknown } {
  const { name, message, code, apiError } = Object(error) as Record<string, unknown>;
  const api =
    typeof apiError === 'function' ? (apiError.call(error) as { err_code?: unknown; code?: unknown }) : {};
  return { name: String(name), message: String(message), code: api.code ?? code, err_code: api.err_code };
}
