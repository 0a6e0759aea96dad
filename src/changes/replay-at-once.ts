import { randomUUID } from 'node:crypto';
import { AUTHOR_FIELDS, authorOf, type ChangeAuthor } from '../audit/change-author.js';
import type { CommandTarget } from '../database/sql/pasteable-text.js';
import { unknownConsumer } from '../status/unknown-consumer.js';
import { checkNames, invalidArgument as invalid } from '../words/argument-checks.js';
import { checkRange } from './chosen/operation-filter.js';
import type { ReplayedRange, ReplayRange } from './replay.js';
import { ReplayStore } from './replay.store.js';

/** See `ConsumerService.replayAtOnce`. */
export async function replayAtOnce(
  { replayed, target }: { readonly replayed: ReplayStore; readonly target: CommandTarget },
  consumerName: string,
  range: ReplayRange,
  options: ChangeAuthor,
): Promise<ReplayedRange> {
  checkReplayRange(range);
  checkNames('an option of replayAtOnce', options, AUTHOR_FIELDS);
  const bounds = await replayed.boundsOf(consumerName, range.from, range.to);
  if (bounds === undefined) throw unknownConsumer(consumerName, target);
  const { from, to } = bounds;
  const replayId = randomUUID();
  let positions = 0;
  for (let next = from; next <= to; ) {
    const put = await replayed.putBack(consumerName, from, next, to, authorOf(options), replayId);
    positions += put.positions;
    next = put.to + 1;
  }
  return { from, to, positions };
}

export function checkReplayRange(range: ReplayRange): void {
  checkNames('a field of a range', range, ['from', 'to']);
  if (range.from === undefined) throw invalid('Say at which position the range begins', { field: 'from' });
  checkRange(range);
}
