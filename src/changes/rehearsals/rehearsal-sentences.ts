import { linesSentence } from '../../status/attempt-folds.js';
import { durationText } from '../../words/duration-text.js';
import { countedText, wholeText } from '../../words/number-text.js';
import { MOST_PUBLISHED, type Rehearsal, type RehearsalResult, TAKEN_WITHIN_S } from './rehearsal.js';

/** What a rehearsal does, and what it does not undo. REST, commands and the page show this text. */
export const REHEARSAL_WARNING =
  'A live process runs the handler once, in a transaction that is always rolled back. The dead letter stays as it is, and no event is published. Calls to other services are not undone, and neither is what the handler writes outside of this transaction.';

const LOST =
  'Nothing of its transaction was committed, and it is not tried again by itself. Calls to other services that it has made are not undone.';

/** What has become of a rehearsal, and what of it is undone. */
export function sentenceOfRehearsal({
  state,
  result,
  process,
}: Pick<Rehearsal, 'state' | 'result' | 'process'>): string {
  const where = process === null ? 'a process' : `process ${process.host}, pid ${process.pid}`;
  switch (state) {
    case 'asked':
      return 'It waits for a process that has the handler.';
    case 'untaken':
      return `No process with the handler took it within ${TAKEN_WITHIN_S} s, so the handler did not run. Look whether the processes are busy or have stopped, and rehearse again.`;
    case 'running':
      return `The handler runs in ${where}.`;
    case 'lost':
      return `${where[0]?.toUpperCase()}${where.slice(1)} has not said in time what came of it: it may have ended. ${LOST}`;
    case 'ended':
      return result === null ? LOST : sentenceOfResult(result);
  }
}

/** How many lines of the logger are there, or why there are none. Null if it wrote none. */
export function linesSentenceOf({ result }: Pick<Rehearsal, 'result'>): string | null {
  if (result === null || result.ms === null) return null;
  return result.keepsLines
    ? linesSentence(result)
    : 'Its process keeps no lines of the logger, because the option handlerLines is not set';
}

function sentenceOfResult(result: RehearsalResult): string {
  const { outcome, reason, ms } = result;
  const time = ms === null ? '' : ` after ${timeText(ms)}`;
  const undone = 'What it wrote in its transaction is rolled back.';
  switch (outcome) {
    case 'succeeded':
      return `The handler succeeded${time}. ${undone} ${publishedText(result)}`;
    case 'skipped':
      return `The handler skipped the event${time}: ${reason}. ${undone}`;
    case 'postponed':
      return `The handler put the event off${time}: ${reason}. ${undone}`;
    case 'failed':
      return `The handler failed${time}. ${undone}`;
    case 'refused':
      return ms === null
        ? 'It was refused, and the handler did not run.'
        : `It was refused${time}, because the handler tried to end its transaction itself. What it wrote before that is rolled back. What it wrote after that, through the same connection, is not.`;
  }
}

function publishedText({ published, hasMorePublished }: RehearsalResult): string {
  if (hasMorePublished) return `It would have published more than ${MOST_PUBLISHED} events.`;
  return published.length === 0
    ? 'It would have published no event.'
    : `It would have published ${countedText(published.length, 'event')}.`;
}

function timeText(ms: number): string {
  return ms < 10_000 ? `${wholeText(ms)} ms` : durationText(ms);
}
