import { checkReason } from '../changes/chosen/row-checks.js';
import { authorOf, REASONED_CHANGE_OPTIONS } from './author.js';
import { changeMany, OPERATION_OPTIONS } from './change-many.js';
import { type Command, type CommandContext, type CommandResult, UsageError } from './command.js';
import {
  CONSUMER_OPTION,
  countOption,
  OPERATION_FILTER_OPTIONS,
  operationFilter,
  textOption,
} from './options.js';
import { type CommandServices, withServices } from './services.js';
import { counted, countedAtLeast } from './texts.js';

/** Discards dead letters of one consumer or of all. */
export const deadLettersDiscardCommand: Command = {
  name: 'dead-letters discard',
  parameters: [],
  restParameter: 'event',
  options: {
    reason: { type: 'string', summary: 'why, kept with each event (required)' },
    ...CONSUMER_OPTION,
    ...OPERATION_FILTER_OPTIONS,
    limit: { type: 'string', summary: 'the largest number, the oldest first; default: all that match' },
    ...OPERATION_OPTIONS,
    ...REASONED_CHANGE_OPTIONS,
  },
  summary: 'set dead letters aside for good: those of the events that are named, or all that match',
  run: (context) => {
    const reason = textOption(context.options, 'reason');
    if (reason === undefined) throw new UsageError('dead-letters discard needs --reason <…>');
    return withServices(context, (services) => discard(context, services, reason));
  },
};

function discard(context: CommandContext, services: CommandServices, reason: string): Promise<CommandResult> {
  const { options } = context;
  const filter = operationFilter(options, context.arguments);
  checkReason(filter, reason);
  const states = ['dead_letter'] as const;
  const limit = countOption(options, 'limit');
  const consumer = filter.consumerName;
  const { by, via } = authorOf(context);
  return changeMany(context, services, {
    request: { kind: 'discard', filter, states, maxEvents: limit },
    field: 'discarded',
    data: consumer === undefined ? {} : { consumer },
    would: (events, isAtLeast) =>
      `${countedAtLeast(events, isAtLeast, 'event')} would be set aside for good. This cannot be undone.`,
    done: (events) =>
      `${counted(events, 'event')}${consumer === undefined ? '' : ` of "${consumer}"`} discarded.`,
    one: (event) => services.consumers.discardOne(event, reason, { states, by, via }),
  });
}
