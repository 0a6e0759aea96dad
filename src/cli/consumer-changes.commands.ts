import type { DiscardableState } from '../changes/chosen/inbox-admin.store.js';
import { checkReason, isOfOneEvent } from '../changes/chosen/row-checks.js';
import { checkRename, notRenamed, remainingNames, stillActive } from '../changes/consumer-checks.js';
import type { RepartitionState } from '../changes/repartition-steps.js';
import { MAX_PARTITIONS } from '../subscribers/subscriber-validation.js';
import { checkCount } from '../words/argument-checks.js';
import { authorOf, CHANGE_OPTIONS, REASONED_CHANGE_OPTIONS } from './author.js';
import { changeMany, OPERATION_OPTIONS } from './change-many.js';
import { type Command, type CommandContext, type CommandResult, UsageError } from './command.js';
import { saidFirst } from './dry-run.js';
import {
  countOf,
  countOption,
  listOption,
  OPERATION_FILTER_OPTIONS,
  operationFilter,
  rowFilter,
  textOption,
} from './options.js';
import { registeredConsumer } from './registered-consumer.js';
import { type CommandServices, withServices } from './services.js';
import { counted, countedAtLeast } from './texts.js';

const consumersPauseCommand: Command = {
  name: 'consumers pause',
  parameters: ['consumer'],
  options: CHANGE_OPTIONS,
  summary: 'stop a consumer until it is resumed; it starts nothing more within two seconds',
  run: (context) =>
    withServices(context, async (services) => {
      const [consumer = ''] = context.arguments;
      const dry = await saidFirst(context, async () => {
        const [{ paused }] = await registeredConsumer(context, services, consumer);
        const what = `Consumer "${consumer}" ${paused ? 'is paused already' : 'would be paused'}.`;
        return { what, data: { consumer, paused }, isNothing: paused };
      });
      if (dry !== undefined) return dry;
      await services.consumers.pause(consumer, authorOf(context));
      return { ok: true, data: { consumer, paused: true }, text: `Consumer "${consumer}" is paused.` };
    }),
};

const consumersResumeCommand: Command = {
  name: 'consumers resume',
  parameters: ['consumer'],
  options: CHANGE_OPTIONS,
  summary: 'let a paused consumer go on where it stopped',
  run: (context) =>
    withServices(context, async (services) => {
      const [consumer = ''] = context.arguments;
      const dry = await saidFirst(context, async () => {
        const [{ paused }] = await registeredConsumer(context, services, consumer);
        const what = `Consumer "${consumer}" ${paused ? 'would go on' : 'is not paused'}.`;
        return { what, data: { consumer, paused }, isNothing: !paused };
      });
      if (dry !== undefined) return dry;
      await services.consumers.resume(consumer, authorOf(context));
      return { ok: true, data: { consumer, paused: false }, text: `Consumer "${consumer}" goes on.` };
    }),
};

/** Changes a consumer's number of partitions. Fails if the change is not complete within the given time. */
const consumersRepartitionCommand: Command = {
  name: 'consumers repartition',
  parameters: ['consumer', 'partitions'],
  options: {
    timeout: {
      type: 'string',
      summary: 'seconds to wait for it, default 60; the processes go on with it afterwards',
    },
    ...CHANGE_OPTIONS,
  },
  summary: 'change the number of partitions while the consumer runs',
  run: (context) => {
    const [consumer = '', text = ''] = context.arguments;
    const partitions = countOf(text, '<partitions>');
    const timeoutMs = (countOption(context.options, 'timeout') ?? 60) * 1_000;
    return withServices(context, async (services) => {
      const dry = await saidFirst(context, async () => {
        checkCount('partitions', partitions, MAX_PARTITIONS);
        const views = await registeredConsumer(context, services, consumer);
        const [{ repartitioningTo }] = views;
        const now = counted(views.length, 'partition');
        const under = repartitioningTo === null ? '' : `, and is about to have ${repartitioningTo}`;
        return {
          what: `Consumer "${consumer}" would have ${counted(partitions, 'partition')}. It has ${now}${under}.`,
          data: { consumer, partitions, before: views.length },
          isNothing: views.length === partitions && repartitioningTo === null,
        };
      });
      if (dry !== undefined) return dry;
      const state = await context.interruptible((signal) => {
        let last: RepartitionState | undefined;
        return new Promise<RepartitionState>((resolve, reject) => {
          // Once there is progress, the request is stored. After Ctrl-C nobody waits for the change.
          const leave = () => last !== undefined && resolve(last);
          const onProgress = (state: RepartitionState) => {
            if (state !== last) context.progress(`${stepText(state)} …`);
            last = state;
            if (signal.aborted) leave();
          };
          signal.addEventListener('abort', leave);
          const options = { timeoutMs, onProgress, ...authorOf(context) };
          services.consumers.repartition(consumer, partitions, options).then(resolve, reject);
        });
      });
      return {
        ok: state === 'done',
        data: { consumer, partitions, state },
        text:
          state === 'done'
            ? `Consumer "${consumer}" has ${counted(partitions, 'partition')}.`
            : `Not done yet: ${stepText(state)}. The processes go on with it; run the command again to see how far it is.`,
      };
    });
  },
};

function stepText(state: RepartitionState): string {
  switch (state) {
    case 'handing over':
      return 'the owners finish what they are running and hand over';
    case 'catching up':
      return 'partitions that are behind catch up with the others';
    case 'moving':
      return 'failed and waiting events move to their new partitions';
    case 'done':
      return 'done';
    case 'unknown':
      return 'there is no such consumer';
  }
}

const DISCARDABLE: readonly DiscardableState[] = [
  'dead_letter',
  'failed',
  'waiting',
  'delayed',
  'unread',
  'running',
];

/** Discards events of a consumer for good. */
const consumersDiscardCommand: Command = {
  name: 'consumers discard',
  parameters: ['consumer'],
  options: {
    reason: { type: 'string', summary: 'why, kept with each event (required)' },
    state: {
      type: 'string',
      summary: `of these states only, divided by commas: ${DISCARDABLE.join(', ')}; default: all (the last two for one event, by --position or --event-id)`,
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
    const state = DISCARDABLE.find((each) => each === given);
    if (state === undefined)
      throw new UsageError(`--state must be of ${DISCARDABLE.join(', ')}, not ${JSON.stringify(given)}`);
    return state;
  });
}

/** Gives a consumer another name. The consumer keeps its place in the log. */
const consumersRenameCommand: Command = {
  name: 'consumers rename',
  parameters: ['old', 'new'],
  options: CHANGE_OPTIONS,
  summary: 'give a consumer another name, between the stop of the old code and the start of the new',
  run: (context) =>
    withServices(context, async (services) => {
      const [oldName = '', newName = ''] = context.arguments;
      const dry = await saidFirst(context, async () => {
        checkRename(oldName, newName);
        const views = await registeredConsumer(context, services, oldName);
        const users = views.flatMap(({ owner }) => (owner === null ? [] : [owner]));
        if (users.length > 0) throw notRenamed(oldName, newName, { users }, context);
        const what = await consequenceOfRename(services, oldName, newName);
        return { what, data: { consumer: newName, formerly: oldName } };
      });
      if (dry !== undefined) return dry;
      await services.consumers.rename(oldName, newName, authorOf(context));
      return {
        ok: true,
        data: { consumer: newName, formerly: oldName },
        text: `Consumer "${oldName}" is called "${newName}" now. Start the code with the new name.`,
      };
    }),
};

async function consequenceOfRename(
  { counts }: CommandServices,
  oldName: string,
  newName: string,
): Promise<string> {
  const { rows, deadLetters } = await counts.belongings(oldName);
  return `Consumer "${oldName}" is called "${newName}" from now on, with its place in the log and ${counted(rows, 'inbox row')}, of which ${counted(deadLetters, 'dead letter')}. Code that still has the old name begins as a new consumer.`;
}

/** Removes event names from a consumer. */
const consumersRemoveNamesCommand: Command = {
  name: 'consumers remove-names',
  parameters: ['consumer', 'names'],
  options: CHANGE_OPTIONS,
  summary: 'take event names, divided by commas, away from a consumer whose code no longer handles them',
  run: (context) =>
    withServices(context, async (services) => {
      const [consumer = '', text = ''] = context.arguments;
      const names = text.split(',').map((name) => name.trim());
      const dry = await saidFirst(context, async () => {
        const [{ eventNames }] = await registeredConsumer(context, services, consumer);
        const left = remainingNames(consumer, eventNames, names);
        const consequence = `Consumer "${consumer}" no longer gets ${counted(names.length, 'event name')}; events of these that it has not handled are never delivered to it.`;
        const what = `${consequence}\nIt would be stored with: ${left.join(', ')}.`;
        return { what, data: { consumer, eventNames: left } };
      });
      if (dry !== undefined) return dry;
      const left = await services.consumers.removeNames(consumer, names, authorOf(context));
      return {
        ok: true,
        data: { consumer, eventNames: left },
        text: `Consumer "${consumer}" is stored with: ${left.join(', ')}`,
      };
    }),
};

/** Removes a consumer. */
const consumersRemoveCommand: Command = {
  name: 'consumers remove',
  parameters: ['consumer'],
  options: {
    force: { type: 'boolean', summary: 'also while a live process works on it' },
    ...CHANGE_OPTIONS,
  },
  summary: 'forget a consumer: its cursor, its inbox rows and its replays',
  run: (context) =>
    withServices(context, async (services) => {
      const [consumer = ''] = context.arguments;
      const isForced = context.options.force === true;
      const dry = await saidFirst(context, async () => {
        const views = await registeredConsumer(context, services, consumer);
        const owners = views.flatMap(({ owner }) => (owner === null ? [] : [owner]));
        if (owners.length > 0 && !isForced) throw stillActive(consumer, owners);
        return { what: await consequenceOfRemoval(services, consumer), data: { consumer } };
      });
      if (dry !== undefined) return dry;
      await services.consumers.remove(consumer, { force: isForced, ...authorOf(context) });
      return { ok: true, data: { consumer, removed: true }, text: `Consumer "${consumer}" is removed.` };
    }),
};

async function consequenceOfRemoval({ counts }: CommandServices, consumer: string): Promise<string> {
  const { rows, deadLetters } = await counts.belongings(consumer);
  return `Consumer "${consumer}" is forgotten, with its place in the log and ${counted(rows, 'inbox row')}, of which ${counted(deadLetters, 'dead letter')}. This cannot be undone.`;
}

/** The commands that change consumers, in the order of the usage. */
export const consumerChangesCommands: readonly Command[] = [
  consumersPauseCommand,
  consumersResumeCommand,
  consumersRepartitionCommand,
  consumersDiscardCommand,
  consumersRenameCommand,
  consumersRemoveNamesCommand,
  consumersRemoveCommand,
];
