import { isOfOneEvent } from '../consumers/admin-checks.js';
import type { DiscardableState } from '../consumers/inbox-admin.store.js';
import {
  CONSUMER_OPTION,
  counted,
  countOption,
  listOption,
  ROW_OPTIONS,
  rowFilter,
  textOption,
  withConsumers,
} from './admin-access.js';
import { authorOf, BY_OPTION } from './author.js';
import { type Command, type CommandContext, type CommandResult, UsageError } from './command.js';
import { YES_OPTION } from './confirmation.js';

const STATES: readonly DiscardableState[] = [
  'dead_letter',
  'failed',
  'waiting',
  'delayed',
  'unread',
  'running',
];

/** Discards events of a consumer for good. */
export const consumersDiscardCommand: Command = {
  name: 'consumers discard',
  parameters: ['consumer'],
  options: {
    reason: { type: 'string', summary: 'why, kept with each event (required)' },
    state: {
      type: 'string',
      summary: `of these states only, divided by commas: ${STATES.join(', ')}; default: all (the last two for one event, by --position or --event-id)`,
    },
    ...ROW_OPTIONS,
    limit: { type: 'string', summary: 'at most so many, the oldest first; default: all that match' },
    ...BY_OPTION,
    ...YES_OPTION,
  },
  goesOnUnasked: true,
  summary: 'set events that failed, wait or are dead aside for good',
  run: (context) => {
    const [consumer = ''] = context.arguments;
    return discard(context, consumersDiscardCommand.name, consumer, statesOf(context.options));
  },
};

/** Discards dead letters of one consumer or of all. */
export const deadLettersDiscardCommand: Command = {
  name: 'dead-letters discard',
  parameters: [],
  options: {
    reason: { type: 'string', summary: 'why, kept with each event (required)' },
    ...CONSUMER_OPTION,
    ...ROW_OPTIONS,
    limit: { type: 'string', summary: 'at most so many, the oldest first; default: all that match' },
    ...BY_OPTION,
    ...YES_OPTION,
  },
  summary: 'set dead letters aside for good',
  run: (context) =>
    discard(context, deadLettersDiscardCommand.name, textOption(context.options, 'consumer'), [
      'dead_letter',
    ]),
};

function discard(
  context: CommandContext,
  command: string,
  consumer: string | undefined,
  states: DiscardableState[] | undefined,
): Promise<CommandResult> {
  const { options } = context;
  const { by, via } = authorOf(context);
  const reason = textOption(options, 'reason');
  if (reason === undefined) throw new UsageError(`${command} needs --reason <…>`);
  const limit = countOption(options, 'limit');
  const filter = rowFilter(options, consumer);
  return withConsumers(context, async (service, counts) => {
    await context.confirm(async () => {
      // The event may have no row yet. It is discarded whatever its state.
      if (isOfOneEvent(filter)) return 'This event would be set aside for good. This cannot be undone.';
      const count = await counts.countDiscardable(filter, states ?? STATES, limit);
      return count > 0
        ? `${counted(count, 'event')} would be set aside for good. This cannot be undone.`
        : undefined;
    });
    const discarded = await service.discard(filter, reason, { states, limit, by, via });
    const whose = consumer === undefined ? '' : ` of "${consumer}"`;
    return {
      ok: true,
      data: { ...(consumer !== undefined && { consumer }), discarded },
      text: `${counted(discarded, 'event')}${whose} discarded.`,
    };
  });
}

function statesOf(options: CommandContext['options']): DiscardableState[] | undefined {
  return listOption(options, 'state')?.map((given) => {
    const state = STATES.find((each) => each === given);
    if (state === undefined)
      throw new UsageError(`--state must be of ${STATES.join(', ')}, not ${JSON.stringify(given)}`);
    return state;
  });
}
