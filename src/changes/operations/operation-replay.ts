import { AUTHOR_FIELDS } from '../../audit/change-author.js';
import { checkFilter } from '../../inbox/filter-checks.js';
import { checkNames, invalidArgument as invalid } from '../../words/argument-checks.js';
import { checkReplay } from '../admin-checks.js';
import type { ReplayFilter } from '../replay.js';
import type { Operation, OperationReplay, OperationRequest } from './operation.js';

const REPLAY_FIELDS = [
  'from',
  'to',
  'since',
  'until',
  'eventNames',
] as const satisfies (keyof OperationReplay)[];
const FILTER_FIELDS = ['consumerName', 'eventName', 'aggregateType', 'aggregateId'] as const;

/** What a replay is to deliver again, as the consumer's owner is told. */
export function replayFilterOf({
  filter: { eventName, aggregateType, aggregateId },
  replay,
}: Pick<OperationRequest, 'filter' | 'replay'>): ReplayFilter {
  const eventNames = replay?.eventNames ?? (eventName === undefined ? undefined : [eventName]);
  const { from, to, since, until } = replay ?? {};
  return { from, to, eventNames, aggregateType, aggregateId, since, until };
}

/** The replay of an operation that is stored. */
export function storedReplayFilterOf({ filter, replay }: Pick<Operation, 'filter' | 'replay'>): ReplayFilter {
  const timeOf = (text: string | undefined) => (text === undefined ? undefined : new Date(text));
  const { since, until, ...others } = replay ?? {};
  return replayFilterOf({ filter, replay: { ...others, since: timeOf(since), until: timeOf(until) } });
}

export function checkReplayRequest(request: OperationRequest): void {
  checkNames('a field of an operation that is a replay', request, [
    'kind',
    'filter',
    'replay',
    'maxEvents',
    'rate',
    'stopAfter',
    ...AUTHOR_FIELDS,
  ]);
  const { filter, replay } = request;
  checkFilter(filter);
  if (filter.consumerName === undefined)
    throw invalid('A replay is for one consumer: give its name', { field: 'filter.consumerName' });
  const foreign = Object.entries(filter).find(
    ([field, value]) => value !== undefined && !FILTER_FIELDS.some((known) => known === field),
  );
  if (foreign !== undefined)
    throw invalid(
      `A replay does not choose by ${foreign[0]}: give times or positions in "replay", event names, or an aggregate`,
      { field: `filter.${foreign[0]}` },
    );
  if (replay !== undefined) {
    if (typeof replay !== 'object' || replay === null)
      throw invalid('replay must be an object with times or positions', { field: 'replay' });
    checkNames('a field of a replay', replay, REPLAY_FIELDS);
    if (replay.eventNames !== undefined && filter.eventName !== undefined)
      throw invalid('Give either filter.eventName or replay.eventNames', { field: 'replay.eventNames' });
  }
  checkReplay(replayFilterOf(request));
}
