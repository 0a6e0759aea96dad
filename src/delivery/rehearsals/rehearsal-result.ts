import type { RehearsalError, RehearsalResult } from '../../changes/rehearsals/rehearsal.js';
import { sqlStateOf } from '../../database/connection/connection-loss.js';
import { COMMIT_OF_REHEARSAL } from '../../database/sql/rehearsal-fence.store.js';
import { commitRefused, endOf } from '../../database/sql/transaction-ends.js';
import { IntegrationError } from '../../errors.js';
import type { Attempt } from '../partition/attempt.js';
import type { Outcome } from '../partition/delivery.js';
import { errorFingerprint } from '../partition/error-fingerprint.js';
import { attemptErrorText, stackText } from '../partition/error-texts.js';
import { storable } from '../partition/storable-text.js';
import type { RunningRehearsal } from './rehearsal-transaction.js';

const NOTHING = {
  error: null,
  reason: null,
  ms: null,
  lines: [],
  linesLeftOut: 0,
  keepsLines: false,
  published: [],
  hasMorePublished: false,
} satisfies Partial<RehearsalResult>;

/** The result of a rehearsal that was not run. */
export function refusedResult(why: string, details: Record<string, unknown>): RehearsalResult {
  const error = new IntegrationError('INTEGRATION_REHEARSAL_REFUSED', `${why}. Nothing was run`, details);
  return { ...NOTHING, outcome: 'refused', error: errorOf(error) };
}

/** What came of the handler. */
export function resultOf(
  outcome: Outcome,
  { lines }: Attempt,
  running: RunningRehearsal,
  keepsLines: boolean,
): RehearsalResult {
  const { handlerBeganAt: began } = running;
  const ran = {
    ...NOTHING,
    ms: began === undefined ? null : Math.round((performance.now() - began) * 1_000) / 1_000,
    ...lines?.toStored(),
    keepsLines,
  };
  switch (outcome.kind) {
    case 'processed':
      return {
        ...ran,
        outcome: 'succeeded',
        published: running.published,
        hasMorePublished: running.hasMorePublished,
      };
    case 'skipped':
      return { ...ran, outcome: 'skipped', reason: storable(outcome.reason) };
    case 'postponed':
      return { ...ran, outcome: 'postponed', reason: storable(outcome.reason) };
    default:
      return failed(ran, 'error' in outcome ? outcome.error : new Error(`It ended as ${outcome.kind}`));
  }
}

function failed(ran: Omit<RehearsalResult, 'outcome'>, error: unknown): RehearsalResult {
  const cause = error instanceof Error ? error.cause : undefined;
  // The fence says that it was COMMIT. Without it, the engine sees only that the transaction is gone.
  const commit = [error, cause].find((each) => sqlStateOf(each) === COMMIT_OF_REHEARSAL);
  if (commit !== undefined) return { ...ran, outcome: 'refused', error: errorOf(commitRefused(commit)) };
  return { ...ran, outcome: endOf(error) === undefined ? 'failed' : 'refused', error: errorOf(error) };
}

function errorOf(error: unknown): RehearsalError {
  return {
    text: attemptErrorText(error),
    stack: stackText(error),
    code: error instanceof IntegrationError ? error.code : null,
    fingerprint: errorFingerprint(error),
  };
}
