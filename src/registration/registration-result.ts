import { type CommandTarget, commandLine } from '../database/sql/pasteable-text.js';
import type { StartFrom } from '../subscribers/subscriber-definition.js';
import type { FormerOwner } from './hand-over.store.js';

/** A consumer that was not stored before. */
export interface CreatedConsumer {
  readonly consumerName: string;
  /** The first position that it may read. */
  readonly startsAt: number;
  readonly partitions: number;
  /** Number of retained events of its names before `startsAt`. Undefined when counting took too long. */
  readonly leftOut: number | undefined;
}

/** A consumer that handles more names than before. */
export interface ExtendedConsumer {
  readonly consumerName: string;
  readonly addedNames: readonly string[];
  /**
   * The position up to which the consumer has read. Events of the added names below it were passed over and
   * are not delivered.
   */
  readonly from: number;
}

export interface RegistrationResult {
  readonly created: readonly CreatedConsumer[];
  readonly extended: readonly ExtendedConsumer[];
}

// The texts for the log of the application.

export function createdText(
  { consumerName, startsAt, partitions, leftOut }: CreatedConsumer,
  startFrom: StartFrom,
  target: CommandTarget,
): string {
  const spread = partitions === 1 ? '' : ` in ${partitions} partitions`;
  const start = `Consumer "${consumerName}" registered${spread}: it starts at position ${startsAt} (startFrom: ${startFromText(startFrom)})`;
  if (leftOut === 0) return `${start}, no retained event is left out`;
  const number =
    leftOut === undefined
      ? 'An unknown number of retained events (too many to count) is'
      : eventsText(leftOut);
  return `${start}. ${number} left out; to deliver them as well run: ${commandLine(target, 'replay', [consumerName], { from: 1, to: startsAt - 1 })}`;
}

function eventsText(count: number): string {
  return count === 1 ? '1 retained event is' : `${count} retained events are`;
}

function startFromText(startFrom: StartFrom): string {
  return startFrom instanceof Date ? startFrom.toISOString() : `'${startFrom}'`;
}

export function extendedText(
  { consumerName, addedNames, from }: ExtendedConsumer,
  target: CommandTarget,
): string {
  const begins = `Consumer "${consumerName}" handles ${addedNames.join(', ')} from now on`;
  if (from <= 1) return begins;
  const names = addedNames.length === 1 ? 'this name' : 'these names';
  return `${begins}; events of ${names} that it passed over before position ${from} are not delivered; to deliver them as well run: ${commandLine(target, 'replay', [consumerName], { event: addedNames.join(','), to: from - 1 })}`;
}

export function handOverText({ consumerName, partition, host, pid }: FormerOwner, limitMs: number): string {
  const owner = host === null ? 'a process that is not listed any more' : `the process ${pid} on ${host}`;
  return `Consumer "${consumerName}" (partition ${partition}) was taken from ${owner}: that process does not know the added event names, and has not stopped reading within ${limitMs / 1_000} s. Events that its handlers run at the moment are delivered again`;
}

export function partitionsText(
  consumerName: string,
  stored: number,
  asked: number,
  target: CommandTarget,
): string {
  return `Consumer "${consumerName}" has ${stored} partitions, the code asks for ${asked}: the stored number holds. To change it run: ${commandLine(target, 'consumers repartition', [consumerName, asked])}`;
}

export function renamedText(
  oldName: string,
  { name, startFrom }: { readonly name: string; readonly startFrom: StartFrom },
  target: CommandTarget,
): string {
  const begins =
    startFrom === 'recent' ? `the events of the last hour` : `startFrom ${startFromText(startFrom)}`;
  return `Consumer "${name}" is new, and no live process has handlers for consumer "${oldName}" any more, which is stored with the same event names or most of them. If "${name}" is another name for it: it does not go on where "${oldName}" stopped, but begins with ${begins}. This would have kept its place, before the new code started: ${commandLine(target, 'consumers rename', [oldName, name])}. To do it now: stop this process, run ${commandLine(target, 'consumers remove', [name])}, then the command before`;
}
