import type { Counted } from '../rates/counted.js';
import { durationText } from '../words/duration-text.js';
import { countedText, wholeText } from '../words/number-text.js';
import type { EarlierEvent, NamedProcess, NotMeant, Reason } from './why-not-yet.js';

const SOME_DIGITS = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 });

/**
 * Says a reason in one or two sentences. REST, commands and the page all show this text, so that two people
 * on call who look at different ones read the same words.
 *
 * @param now the time of the database at which the reason was found
 */
export function sentenceOf(consumer: string, reason: Reason, now: Date): string {
  const since = (time: Date) => durationText(now.getTime() - time.getTime());
  const until = (time: Date) => durationText(time.getTime() - now.getTime());
  switch (reason.code) {
    case 'running': {
      const what = reason.events === 1 ? 'It has' : `Its batch of ${reason.events} events has`;
      return `${what} been running for ${since(reason.since)} in process ${processName(reason.process)}, attempt ${reason.attempt}.`;
    }
    case 'paused': {
      const by = reason.by === null ? '' : ` by ${reason.by}`;
      const because = reason.because === null ? '' : `, because of "${reason.because}"`;
      return `${consumer} was paused${by} ${since(reason.since)} ago${because}. It goes on when somebody resumes it.`;
    }
    case 'changing-partitions': {
      const to =
        reason.to === null ? 'changing its partitions' : `changing to ${countedText(reason.to, 'partition')}`;
      const time = reason.since === null ? '' : ` for ${since(reason.since)}`;
      return `${consumer} has been ${to}${time}, and begins nothing until that is done.`;
    }
    case 'no-handler':
      return reason.lacking.length === 0
        ? `No process has a handler of ${consumer}. The last one was seen ${since(reason.lastSeen)} ago.`
        : `No process can take ${consumer}: the code of ${names(reason.lacking)} lacks a handler for some of its event names.`;
    case 'handlers-off':
      return `Handlers are switched off in ${names(reason.processes)}, and no other process has a handler of ${consumer}.`;
    case 'not-before':
      return `It was published for later, and is due in ${until(reason.at)}.`;
    case 'retry':
      return `Attempt ${reason.attempts} failed. It is tried again in ${until(reason.at)}.`;
    case 'postponed':
      return `Its handler has put it off for ${since(reason.since)} by now. It runs again in ${until(reason.at)}.`;
    case 'behind-entity':
      return reason.earlier === null
        ? 'It waits for an earlier event of its entity.'
        : `It waits behind position ${reason.earlier.position} of its entity, which ${doing(reason.earlier, since, until)}.`;
    case 'no-owner':
      return noOwner(consumer, reason, until);
    case 'unavailable':
      return `${consumer} has not reached what it needs for ${since(reason.since)}: ${reason.because}`;
    case 'queue':
      return queue(reason);
  }
}

/** Says why a consumer never gets an event. */
export function sentenceOfNotMeant(consumer: string, eventName: string, reason: NotMeant): string {
  return reason.code === 'begins-behind'
    ? `${consumer} begins behind it, at position ${reason.startsAt}.`
    : `${consumer} does not ask for ${eventName}.`;
}

type Ago = (time: Date) => string;

function doing({ state, at, since, process }: EarlierEvent, ago: Ago, until: Ago): string {
  switch (state) {
    case 'running': {
      const where = process === null ? '' : ` in process ${processName(process)}`;
      return since === null ? `runs${where}` : `has been running for ${ago(since)}${where}`;
    }
    case 'retry':
      return at === null ? 'is tried again now' : `is tried again in ${until(at)}`;
    case 'postponed':
      return at === null ? 'was put off, and runs again now' : `was put off, and runs again in ${until(at)}`;
    case 'next':
      return 'is next';
  }
}

function noOwner(
  consumer: string,
  { owner, until, able }: Extract<Reason, { code: 'no-owner' }>,
  inTime: Ago,
): string {
  if (owner !== null && until !== null)
    return `Process ${processName(owner)}, which works on ${consumer}, has lost its connection to the database. Another process can take over in ${inTime(until)}.`;
  return able.length === 0
    ? `No process works on ${consumer}, and none can take it yet.`
    : `No process works on ${consumer} at this moment. ${names(able)} can take it, which takes some seconds.`;
}

function queue({ ahead, perSecond, seconds }: Extract<Reason, { code: 'queue' }>): string {
  if (ahead.count === 0 && !ahead.atLeast) return 'It is next: no event is before it.';
  const before = `${countOf(ahead)} before it`;
  if (perSecond === null || seconds === null) return `${before}.`;
  return `${before}, at ${SOME_DIGITS.format(perSecond)} a second: about ${durationText(seconds * 1_000)}.`;
}

function countOf({ count, atLeast }: Counted): string {
  if (atLeast) return `More than ${wholeText(count)} events are`;
  return count === 1 ? '1 event is' : `${wholeText(count)} events are`;
}

/** `worker-1, pid 4711` */
export function processName({ host, pid }: NamedProcess): string {
  return `${host}, pid ${pid}`;
}

const MOST_NAMED = 3;

function names(processes: readonly NamedProcess[]): string {
  const named = processes.slice(0, MOST_NAMED).map(processName).join('; ');
  const others = processes.length - MOST_NAMED;
  return others > 0 ? `${named}; and ${others} more` : named;
}
