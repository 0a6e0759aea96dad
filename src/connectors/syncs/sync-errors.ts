import { IntegrationError } from '../../errors.js';
import '../definition/error-codes.js';

/** What of the other system's page cannot be taken. */
export function badPage(stream: string, page: number, why: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_SYNC_PAGE',
    `Page ${page} of ${stream} cannot be taken: ${why}. Nothing of it is saved, and the next run goes on there`,
    { stream, page },
  );
}

export function tooManyProblems(
  stream: string,
  {
    problems,
    records,
    percent,
  }: { readonly problems: number; readonly records: number; readonly percent: number },
  first: { readonly path: string; readonly reason: string } | undefined,
): IntegrationError {
  const said = first === undefined ? '' : `, such as ${first.path}: ${first.reason}`;
  return new IntegrationError(
    'INTEGRATION_SYNC_MAPPING',
    `${problems} of ${records} records of ${stream} do not fit${said}. That is more than the setting syncs.problemPercent (${percent}) allows`,
    { stream, problems, records, ...first },
  );
}

export function suspiciousDeletions(
  stream: string,
  { gone, had, isEmpty }: { readonly gone: number; readonly had: number; readonly isEmpty: boolean },
): IntegrationError {
  const why = isEmpty
    ? 'the first page was empty'
    : 'that is more than the setting syncs.deletionPercent allows';
  return new IntegrationError(
    'INTEGRATION_SYNC_DELETIONS_SUSPICIOUS',
    `The full run of ${stream} has not seen ${gone} of ${had} records, and ${why}. None is deleted until confirmDeletions is called`,
    { stream, gone, had },
  );
}

export function stalled(stream: string, maxRunMs: number): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_SYNC_STALLED',
    `${stream} has run for ${maxRunMs} ms twice, and its checkpoint has not moved. Yield a checkpoint with each page, or raise maxRunMs`,
    { stream, maxRunMs },
  );
}

export function crashed(stream: string, starts: number): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_SYNC_CRASHED',
    `${stream} was begun ${starts} times in a row without a page that was saved, and each process has ended. It is left alone until its next time`,
    { stream, starts },
  );
}

/** @param hint ` (did you mean issues?)` */
export function unknownSync(connector: string, sync: unknown, hint = ''): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_SYNC_UNKNOWN',
    `The connector ${connector} has no sync ${JSON.stringify(sync)}${hint}`,
    { connector, sync },
  );
}

export function alreadyRunning(stream: string, runId: string): IntegrationError {
  return new IntegrationError('INTEGRATION_SYNC_RUNNING', `${stream} is running already`, { stream, runId });
}

export function wrongSyncState(stream: string, why: string): IntegrationError {
  return new IntegrationError('INTEGRATION_SYNC_STATE', `${stream}: ${why}`, { stream });
}
