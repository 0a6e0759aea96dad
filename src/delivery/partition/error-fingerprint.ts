import { createHash } from 'node:crypto';
import { CAUSE_LENGTH } from '../../inbox/failed-attempt.js';
import { normalizedMessage } from '../../words/normalized-message.js';
import { isError, messageWithoutValues, stackOf } from './error-causes.js';
import { frameOf, isOfHost } from './stack-frames.js';
import { storable } from './storable-text.js';

/**
 * The same for failures of one kind, so that an admin sees kinds and not single failures. A kind consists of
 * the error's class, its message without what changes from one event to the next, and the function of the
 * host's own code that threw it or called what threw it. Line numbers do not count, because every deployment
 * moves them. Causes of the error do not count either.
 *
 * It begins with what the class and the message come to alone. So failures of one cause have a beginning in
 * common, wherever they were thrown.
 *
 * The time is bounded, whatever was thrown.
 */
export function errorFingerprint(error: unknown): string {
  const cause = `${classOf(error)}\n${normalizedMessage(messageWithoutValues(error))}`;
  return hashOf(cause, CAUSE_LENGTH) + hashOf(ownFrame(error) ?? '', PLACE_LENGTH);
}

const PLACE_LENGTH = 16;

function hashOf(text: string, length: number): string {
  return createHash('sha256').update(storable(text)).digest('hex').slice(0, length);
}

/** A class that sets no name of its own is known by its constructor. */
function classOf(error: unknown): string {
  if (!isError(error)) return typeof error;
  try {
    const name = String(error.name);
    return name === 'Error' ? String(error.constructor.name) : name;
  } catch {
    return 'Error';
  }
}

/** `function file` of the first frame that is neither Node's, nor a package's, nor ours. */
function ownFrame(error: unknown): string | undefined {
  const stack = stackOf(error);
  if (stack === undefined) return undefined;
  for (const line of stack.split('\n')) {
    const frame = frameOf(line);
    if (frame === undefined || !isOfHost(frame.file)) continue;
    return `${frame.name.replace(/^async /, '')} ${nameOfFile(frame.file)}`;
  }
  return undefined;
}

/** The last two parts of a path. The folder of an application differs from one machine to the next. */
function nameOfFile(file: string): string {
  const [path = ''] = file.split('?');
  return path.split(/[\\/]/).slice(-2).join('/');
}
