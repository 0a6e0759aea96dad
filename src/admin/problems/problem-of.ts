import { sqlStateOf } from '../../database/connection/connection-loss.js';
import { INSUFFICIENT_PRIVILEGE } from '../../database/connection/sql-states.js';
import { IntegrationError, type IntegrationErrorCode } from '../../errors.js';
import { RestProblem } from '../../rest/problem.js';
import {
  type Failure,
  problemOf as problemOfError,
  type StatusOfCode,
  statusOfException,
} from '../../rest/problem-of.js';
import type { RestRoute } from '../../rest/route.js';

/** The codes whose message may leave the process, with the status of the answer. */
const STATUS_OF_CODE: { readonly [Code in IntegrationErrorCode]?: number } = {
  INTEGRATION_ADMIN_INVALID: 400,
  INTEGRATION_EVENT_INVALID: 400,
  INTEGRATION_PAYLOAD_INVALID: 400,
  INTEGRATION_PAYLOAD_TOO_LARGE: 400,
  INTEGRATION_LINK_INVALID: 400,
  INTEGRATION_SETTING_INVALID: 400,
  INTEGRATION_SETTING_UNKNOWN: 404,
  INTEGRATION_SETTING_CONFLICT: 412,
  INTEGRATION_CONSUMER_UNKNOWN: 404,
  INTEGRATION_FAILURE_GROUP_UNKNOWN: 404,
  INTEGRATION_CONSUMER_ACTIVE: 409,
  INTEGRATION_OPERATION_UNKNOWN: 404,
  INTEGRATION_OPERATION_REFUSED: 409,
  INTEGRATION_CORRECTION_REFUSED: 409,
  INTEGRATION_REHEARSAL_REFUSED: 409,
  INTEGRATION_SEQUENCE_BEHIND: 503,
  INTEGRATION_SEQUENCE_EXHAUSTED: 503,
  INTEGRATION_OUTBOX_DISABLED: 409,
  INTEGRATION_ADMIN_BUSY: 503,
  INTEGRATION_ADMIN_TIMEOUT: 503,
};

const ofEngine: StatusOfCode = (code) => STATUS_OF_CODE[code];

/**
 * The problem that an error is to the admin who asks. Whoever operates the engine is told which right a role
 * lacks. `statusOf` knows the codes of parts.
 */
export function problemOf(error: unknown, route?: RestRoute, statusOf: StatusOfCode = ofEngine): Failure {
  if (error instanceof IntegrationError)
    return error.code === 'INTEGRATION_PRIVILEGES_MISSING'
      ? withoutRight(error)
      : problemOfError(error, route, (code) => ofEngine(code) ?? statusOf(code));
  const isOfDatabase = statusOfException(error) === undefined && !(error instanceof RestProblem);
  if (isOfDatabase && sqlStateOf(error) === INSUFFICIENT_PRIVILEGE) return withoutRight();
  return problemOfError(error, route, ofEngine);
}

/** The statements that grant what is missing name the role. They are for the log. */
function withoutRight(error?: IntegrationError): Failure {
  const missing = (error?.details.missing ?? []) as readonly { on: string; privilege: string }[];
  const what = missing.map(({ on, privilege }) => `${privilege} on ${on}`).join(', ');
  const problem = new RestProblem(
    500,
    'INTEGRATION_PRIVILEGES_MISSING',
    `A database role of this process lacks ${what === '' ? 'a right' : what}. Its log has the error, and docs/guide/operate/security.md lists what each role needs`,
  );
  return { problem, isUnexpected: true };
}
