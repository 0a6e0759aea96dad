import type { DiscardableState } from '../changes/chosen/inbox-admin.store.js';
import { checkReason, isOfOneEvent } from '../changes/chosen/row-checks.js';
import { authorOf, REASONED_CHANGE_OPTIONS } from './author.js';
import { changeMany, OPERATION_OPTIONS } from './change-many.js';
import { type Command, type CommandContext, type CommandResult, UsageError } from './command.js';
import { saidFirst } from './dry-run.js';
import {
  countOption,
  listOption,
  OPERATION_FILTER_OPTIONS,
  operationFilter,
  rowFilter,
  textOption,
} from './options.js';
import { withServices } from './services.js';
import { counted, countedAtLeast } from './texts.js';

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
    ...OPERATION_FILTER_OPTIONS,
    limit: { type: 'string', summary: 'the largest number, the oldest first; default: all that match' },
    ...OPERATION_OPTIONS,
    ...REASONED_CHANGE_OPTIONS,
  },
  summary: 'set events that failed, wait or are dead aside for good',
  run: (context) => {
    const [consumer = ''] = context.arguments;
    return discard(context, consumer, statesOf(context.options));
  },
};

function discard(
  context: CommandContext,
  consumer: string,
  states: DiscardableState[] | undefined,
): Promise<CommandResult> {
  const { options } = context;
  const { by, via } = authorOf(context);
  const reason = textOption(options, 'reason');
  if (reason === undefined) throw new UsageError('consumers discard needs --reason <…>');
  const filter = operationFilter(options, [], consumer);
  checkReason(filter, reason);
  const done = (events: number) => `${counted(events, 'event')} of "${consumer}" discarded.`;
  return withServices(context, async (services) => {
    const { consumers: service } = services;
    if (!isOfOneEvent(filter))
      return changeMany(context, services, {
        request: { kind: 'discard', filter, states, maxEvents: countOption(options, 'limit') },
        field: 'discarded',
        data: { consumer },
        would: (events, isAtLeast) =>
          `${countedAtLeast(events, isAtLeast, 'event')} would be set aside for good. This cannot be undone.`,
        done,
      });
    // The event may have no row yet. It is discarded whatever its state, so nothing is counted.
    const dry = await saidFirst(context, async () => ({
      what: 'This event would be set aside for good, whatever its state. This cannot be undone.',
      data: { consumer },
    }));
    if (dry !== undefined) return dry;
    const discarded = (await service.discardOne(rowFilter(options, consumer), reason, { states, by, via }))
      ? 1
      : 0;
    return { ok: true, data: { consumer, discarded }, text: done(discarded) };
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
