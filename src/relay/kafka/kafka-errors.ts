import type { RelayOutcome } from '../relays/relay-message.js';

/** https://kafka.apache.org/protocol#protocol_error_codes */
const NEVER: ReadonlySet<string> = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'CORRUPT_MESSAGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'INVALID_TOPIC_EXCEPTION',
  'ERR_MSG_SIZE_TOO_LARGE',
  'ERR_TOPIC_EXCEPTION',
  'ERR_RECORD_LIST_TOO_LARGE',
  'ERR_INVALID_RECORD',
]);
/** These hold for a topic, and may be mended while the broker runs. */
const OF_TOPIC = /AUTHORIZATION_FAILED|UNKNOWN_TOPIC|POLICY_VIOLATION/;

/** What an error of a producer means. */
export function outcomeOfKafka(given: unknown): RelayOutcome {
  const error = innermost(given);
  const { type, code } = Object(error) as { type?: unknown; code?: unknown };
  const kind = [type, code].find((each) => typeof each === 'string') as string | undefined;
  if (kind !== undefined && NEVER.has(kind)) return { is: 'refused', error, isFinal: true };
  if (kind !== undefined && OF_TOPIC.test(kind)) return { is: 'refused', error };
  // A bug in the application or here, which waiting does not mend.
  if (error instanceof TypeError || error instanceof RangeError) return { is: 'refused', error };
  return { is: 'unavailable', error };
}

/** The client wraps the last error once it has given up trying. */
function innermost(error: unknown): unknown {
  let found = error;
  for (let depth = 0; depth < 5; depth++) {
    const { name, cause } = Object(found) as { name?: unknown; cause?: unknown };
    if (name !== 'KafkaJSNumberOfRetriesExceeded' || cause === undefined) return found;
    found = cause;
  }
  return found;
}
