import type { Consumer } from '../api/schemas.ts';
import { count, counted, deadLettersOf, duration } from '../parts/number.ts';
import { relative } from '../parts/time.tsx';
import { to } from '../router/router.ts';

export interface Trouble {
  readonly tone: 'bad' | 'warn';
  readonly consumer: string;
  /** The rest of the sentence that begins with the name of the consumer. */
  readonly says: string;
  readonly href: string;
  readonly next: string;
}

const SLOW_S = 60;

/** What is wrong with consumers, the worst first, each as a sentence. */
export function troublesOf(consumers: readonly Consumer[]): Trouble[] {
  const all = consumers.flatMap(troublesOfOne);
  return [...all.filter(({ tone }) => tone === 'bad'), ...all.filter(({ tone }) => tone === 'warn')];
}

function troublesOfOne(consumer: Consumer): Trouble[] {
  const { consumerName: name, partitions, paused } = consumer;
  const here = to(['consumers', name]);
  const troubles: Trouble[] = [];
  const add = (tone: Trouble['tone'], says: string, href: string, next: string) =>
    troubles.push({ tone, consumer: name, says, href, next });
  for (const { partition, unavailable } of partitions) {
    if (unavailable === null) continue;
    const which = partitions.length > 1 ? ` in partition ${partition}` : '';
    add('bad', `cannot work${which}: ${unavailable.reason}`, here, 'See the consumer');
  }
  const ownerless = partitions.filter(({ owner }) => owner === null).length;
  if (consumer.orphaned)
    add('warn', 'has no process with its handlers any more', here, 'See whether it can be deleted');
  else if (consumer.unservedSince !== null)
    add(
      'bad',
      `has had no process that handles it since ${ago(consumer.unservedSince)}`,
      here,
      'See the consumer',
    );
  else if (ownerless > 0 && !paused)
    add(
      'warn',
      `has ${counted(ownerless, 'partition')} that no process works on`,
      to(['processes']),
      'See the processes',
    );
  if (consumer.deadLetters > 0)
    add(
      'bad',
      `has ${deadLettersOf(consumer)} dead ${consumer.deadLetters === 1 ? 'letter' : 'letters'}`,
      to(['dead-letters'], { consumer: name }),
      'See why',
    );
  if (paused) add('warn', pauseOf(consumer), here, 'Resume it');
  else if ((consumer.lagSeconds ?? 0) > SLOW_S)
    add(
      'warn',
      `is ${duration(consumer.lagSeconds ?? 0)} behind, with ${count(consumer.pendingPositions)} events to read`,
      here,
      'See why',
    );
  if (consumer.repartitioningTo !== null)
    add(
      'warn',
      `is changing to ${counted(consumer.repartitioningTo, 'partition')}`,
      here,
      'See how far it is',
    );
  return troubles;
}

function pauseOf({ pausedBy, pausedSince, pauseReason }: Consumer): string {
  const by = pausedBy === null ? '' : ` by ${pausedBy}`;
  const since = pausedSince === null ? '' : `, ${ago(pausedSince)}`;
  return `was paused${by}${since}${pauseReason === null ? '' : `: ${pauseReason}`}`;
}

function ago(at: string): string {
  return relative((Date.now() - new Date(at).getTime()) / 1_000);
}
