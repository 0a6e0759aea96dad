import { AUTHOR_FIELDS } from '../../audit/change-author.js';
import { EVENT_TEXT_LIMITS } from '../../events/event-limits.js';
import { checkNames, checkText, invalidArgument as invalid } from '../../words/argument-checks.js';
import { checkOperationFilter, type OperationFilter } from '../chosen/operation-filter.js';
import type { OperationRequest } from './operation.js';

const FILTER_FIELDS = [
  'consumerName',
  'eventName',
  'aggregateType',
  'aggregateId',
  'from',
  'to',
  'since',
  'until',
  'eventNames',
] as const satisfies (keyof OperationFilter)[];

export function checkReplayRequest(request: OperationRequest): void {
  checkNames('a field of an operation that is a replay', request, [
    'kind',
    'filter',
    'maxEvents',
    'rate',
    'stopAfter',
    ...AUTHOR_FIELDS,
  ]);
  const { filter } = request;
  checkOperationFilter(filter);
  const { consumerName, to: _, ...choice } = filter;
  if (consumerName === undefined)
    throw invalid('A replay is for one consumer: give its name', { field: 'filter.consumerName' });
  const foreign = Object.entries(filter).find(
    ([field, value]) => value !== undefined && !FILTER_FIELDS.some((known) => known === field),
  );
  if (foreign !== undefined)
    throw invalid(
      `A replay does not choose by ${foreign[0]}: give times, positions, event names, or an aggregate`,
      { field: `filter.${foreign[0]}` },
    );
  if (Object.values(choice).every((value) => value === undefined))
    throw invalid('Say what to replay: a position to begin at (from), event names, an aggregate, or a time');
  checkAggregate(filter);
}

function checkAggregate({ aggregateType, aggregateId }: OperationFilter): void {
  if (aggregateId !== undefined && aggregateType === undefined)
    throw invalid('aggregateId needs aggregateType: ids are unique within a type only', {
      field: 'aggregateType',
      aggregateId,
    });
  checkText('aggregateType', aggregateType, EVENT_TEXT_LIMITS.aggregateType);
  checkText('aggregateId', aggregateId, EVENT_TEXT_LIMITS.aggregateId);
}
