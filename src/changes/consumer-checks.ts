import type { CommandTarget } from '../database/sql/pasteable-text.js';
import { IntegrationError } from '../errors.js';
import { unknownConsumer } from '../status/unknown-consumer.js';
import { invalidArgument as invalid } from '../words/argument-checks.js';
import { problemOfName, problemOfText } from '../words/text.js';
import type { ConsumerUser } from './consumer-admin.store.js';
import type { RenameResult } from './rename.store.js';

export function remainingNames(
  consumerName: string,
  stored: readonly string[],
  removed: readonly string[],
): string[] {
  const unknown = removed.filter((name) => !stored.includes(name));
  if (unknown.length > 0) {
    throw invalid(
      `Consumer "${consumerName}" has no event name ${unknown.join(', ')}; it has ${stored.join(', ')}`,
      {
        consumerName,
        unknown,
        stored,
      },
    );
  }
  const left = stored.filter((name) => !removed.includes(name));
  if (left.length === 0)
    throw invalid(`Consumer "${consumerName}" would have no event name left: remove it instead`, {
      consumerName,
    });
  return left;
}

export function stillActive(consumerName: string, users: readonly ConsumerUser[]): IntegrationError {
  const names = users.map(({ id, host, pid }) => (host === null ? id : `${host}:${pid}`));
  return new IntegrationError(
    'INTEGRATION_CONSUMER_ACTIVE',
    `Consumer "${consumerName}" belongs to live processes (${names.join(', ')}): stop them, or deploy a version without it, and remove it then; or force it`,
    { consumerName, processes: names },
  );
}

const LONGEST_CONSUMER_NAME = 127;

export function checkRename(oldName: string, newName: string): void {
  const problem = problemOfText(newName, LONGEST_CONSUMER_NAME) ?? problemOfName(newName);
  if (problem !== undefined) throw invalid(`The new name of consumer "${oldName}" ${problem}`, { newName });
  if (oldName === newName) throw invalid(`Consumer "${oldName}" has this name already`, { newName });
}

/** The error that says why a consumer was not renamed. */
export function notRenamed(
  oldName: string,
  newName: string,
  result: Exclude<RenameResult, 'done'>,
  target: CommandTarget,
): IntegrationError {
  if (result === 'unknown') return unknownConsumer(oldName, target);
  if (result === 'taken') {
    return invalid(
      `Consumer "${oldName}" was not renamed: there is something of a consumer "${newName}" already. If the new code has started, stop it, remove "${newName}", rename "${oldName}", and start the new code again. What "${newName}" has handled since "${oldName}" stopped is then delivered again`,
      { oldName, newName },
    );
  }
  const active = (why: string, details: object = {}) =>
    new IntegrationError('INTEGRATION_CONSUMER_ACTIVE', `Consumer "${oldName}" was not renamed: ${why}`, {
      consumerName: oldName,
      ...details,
    });
  if (result === 'lost') return active('a process took it at this moment. Stop that process, and try again');
  if (result === 'busy') {
    return active(
      'transactions that write to the inbox have been open for ten seconds, and one of them may be that of a handler of this consumer. Wait for them to end, or end them, and try again',
    );
  }
  const processes = result.users.map(({ id, host, pid }) => (host === null ? id : `${host}:${pid}`));
  return active(
    `live processes (${processes.join(', ')}) work on it or have handlers for it. Stop them, and rename it then`,
    { processes },
  );
}
