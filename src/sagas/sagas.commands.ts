import { authorOf as checkedAuthor } from '../audit/change-author.js';
import { authorOf, CHANGE_OPTIONS } from '../cli/author.js';
import { type Command, UsageError } from '../cli/command.js';
import { saidFirst } from '../cli/dry-run.js';
import { facts } from '../cli/facts.js';
import { nextPage } from '../cli/next-page.js';
import { checkUuid, choiceOption, pageOption, textOption } from '../cli/options.js';
import { type CommandServices, withServices } from '../cli/services.js';
import { table } from '../cli/table.js';
import { counted, timeText } from '../cli/texts.js';
import { EventLimits } from '../events/event-limits.js';
import { pageSizeOf } from '../words/argument-checks.js';
import { endSaga } from './saga-end.js';
import { called, unknownSaga } from './saga-errors.js';
import {
  type ListedSaga,
  SAGA_OUTCOMES,
  SAGA_STATUSES,
  type SagaHistoryEntry,
  type SagaInstance,
} from './saga-instance.js';
import { SagaLookStore } from './saga-look.store.js';
import { deadLettersOf, retrySaga } from './saga-retry.js';
import { sagaSettings } from './saga-settings.js';

const listCommand: Command = {
  name: 'sagas list',
  parameters: [],
  options: {
    saga: { type: 'string', summary: 'only sagas of this name' },
    status: { type: 'string', summary: `only those that are ${SAGA_STATUSES.join(', ')}` },
    step: { type: 'string', summary: 'only those in this step' },
    tenant: { type: 'string', summary: 'only those of this tenant' },
    stuck: { type: 'boolean', summary: 'only those that are stuck, as the doctor says it' },
    limit: { type: 'string', summary: 'how many, default 50' },
    after: { type: 'string', summary: 'the page behind: the id of the last saga of the page before' },
  },
  summary: 'show sagas and where they stand, those that began last first',
  async run(context) {
    const { options } = context;
    const after = textOption(options, 'after');
    const filter = {
      saga: textOption(options, 'saga'),
      status: choiceOption(options, 'status', SAGA_STATUSES),
      step: textOption(options, 'step'),
      tenantId: textOption(options, 'tenant'),
      stuck: options.stuck === true ? true : undefined,
    };
    const behind = after === undefined ? undefined : checkUuid(after, 'The id in --after');
    const limit = pageSizeOf(pageOption(options));
    const { sagas, next } = await withServices(context, (services) =>
      lookOf(services).page(filter, { after: behind, limit }),
    );
    const more = next === null ? [] : [`More: ${nextPage(context, 'sagas list', { after: next })}`];
    return { ok: true, data: { sagas, next }, text: [listText(sagas), ...more].join('\n') };
  },
};

function listText(sagas: readonly ListedSaga[]): string {
  if (sagas.length === 0) return 'There is no such saga.';
  return table(sagas, [
    { heading: 'SAGA', cell: ({ saga }) => saga },
    { heading: 'KEY', cell: ({ key }) => key },
    { heading: 'STATUS', cell: ({ status, stuck }) => (stuck ? 'stuck' : status) },
    { heading: 'STEP', cell: ({ step }) => step },
    { heading: 'CHANGED', cell: ({ changedAt }) => timeText(changedAt) },
    { heading: 'STARTED', cell: ({ startedAt }) => timeText(startedAt), cut: 2 },
    { heading: 'TENANT', cell: ({ tenantId }) => tenantId, cut: 1 },
  ]);
}

const showCommand: Command = {
  name: 'sagas show',
  parameters: ['saga', 'key'],
  options: { 'with-state': { type: 'boolean', summary: 'show the state as well, as the database has it' } },
  summary: 'show one saga: where it stands, what it did, and what waits for it',
  async run(context) {
    const [saga = '', key = ''] = context.arguments;
    const { found, history } = await withServices(context, async (services) => {
      const one = await existing(services, saga, key);
      return { found: one, history: await lookOf(services).history(one.id) };
    });
    const { state, ...shown } = found;
    const isStateShown = context.options['with-state'] === true;
    const text = [
      factsOf(shown),
      historyText(history),
      ...(shown.waiting.length === 0 ? [] : [waitingText(shown)]),
      ...(isStateShown ? [`State:\n${JSON.stringify(state, null, 2)}`] : []),
    ].join('\n\n');
    return { ok: true, data: { saga: { ...shown, ...(isStateShown && { state }) }, history }, text };
  },
};

type Shown = Omit<SagaInstance, 'state'>;

function factsOf(saga: Shown): string {
  return facts([
    ['Saga', saga.saga],
    ['Key', saga.key],
    ['Id', saga.id],
    ['Tenant', saga.tenantId === '' ? null : saga.tenantId],
    ['Status', saga.stuck ? `${saga.status}, and stuck` : saga.status],
    ['Step', saga.step],
    ['Version', String(saga.version)],
    ['Started', timeText(saga.startedAt)],
    ['Changed', timeText(saga.changedAt)],
    ['Ended', saga.endedAt === null ? null : timeText(saga.endedAt)],
    ['Timeouts', saga.timeouts.map(({ name, at }) => `${name} at ${timeText(at)}`).join('\n') || null],
    ['Undo', saga.undo === 0 ? null : `publishes ${counted(saga.undo, 'event')}`],
  ]);
}

function historyText(history: readonly SagaHistoryEntry[]): string {
  return table(history, [
    { heading: 'N', cell: ({ n }) => String(n) },
    { heading: 'AT', cell: ({ at }) => timeText(at) },
    { heading: 'NAME', cell: ({ name }) => name },
    { heading: 'STEP', cell: ({ stepAfter }) => stepAfter },
    { heading: 'REASON', cell: ({ reason }) => reason ?? '', cut: 1 },
  ]);
}

function waitingText({ waiting }: Shown): string {
  return table(waiting, [
    { heading: 'WAITS', cell: ({ eventName }) => eventName },
    { heading: 'EVENT', cell: ({ outboxEventId }) => outboxEventId },
    { heading: 'UNTIL', cell: ({ until }) => timeText(until) },
    { heading: 'FOR', cell: ({ wanted }) => wanted.join(', ') || 'any step', cut: 1 },
  ]);
}

const retryCommand: Command = {
  name: 'sagas retry',
  parameters: ['saga', 'key'],
  options: CHANGE_OPTIONS,
  summary: 'send the dead letters of one saga again: timeouts, events that waited, events of its key',
  run: (context) =>
    withServices(context, async ({ admin, consumers }) => {
      const [saga = '', key = ''] = context.arguments;
      const dry = await saidFirst(context, async () => {
        const found = await deadLettersOf(admin, { saga, key });
        return {
          what: `${counted(found.length, 'dead letter')} of ${called(saga, key)} would be sent again.`,
          data: { saga, key, deadLetters: found.length },
          isNothing: found.length === 0,
        };
      });
      if (dry !== undefined) return dry;
      const retried = await retrySaga({ admin, consumers }, { saga, key }, authorOf(context));
      const text = `${counted(retried, 'dead letter')} of ${called(saga, key)} sent again.`;
      return { ok: true, data: { saga, key, retried }, text };
    }),
};

const endCommand: Command = {
  name: 'sagas end',
  parameters: ['saga', 'key'],
  options: {
    outcome: {
      type: 'string',
      summary: `as what it ends: ${SAGA_OUTCOMES.join(', ')}; undone publishes what the saga remembered`,
    },
    ...CHANGE_OPTIONS,
  },
  summary: 'end one saga by hand',
  run(context) {
    const [saga = '', key = ''] = context.arguments;
    const outcome = choiceOption(context.options, 'outcome', SAGA_OUTCOMES);
    if (outcome === undefined) throw new UsageError(`give --outcome: ${SAGA_OUTCOMES.join(', ')}`);
    return withServices(context, async (services) => {
      const { admin } = services;
      const dry = await saidFirst(context, async () => {
        const { status, step, undo } = await existing(services, saga, key);
        const published = outcome === 'undone' && undo > 0 ? ` and ${counted(undo, 'event')} published` : '';
        return {
          what:
            status === 'active'
              ? `${called(saga, key)}, which is in the step ${JSON.stringify(step)}, would be ended as ${outcome}${published}.`
              : `${called(saga, key)} has ended already: it is ${status}.`,
          data: { saga, key, status, step, outcome, publishes: outcome === 'undone' ? undo : 0 },
        };
      });
      if (dry !== undefined) return dry;
      const author = checkedAuthor(authorOf(context));
      const { published } = await endSaga(admin, new EventLimits(), { saga, key, outcome, author });
      const events = published.length === 0 ? '' : ` ${counted(published.length, 'event')} published.`;
      const text = `${called(saga, key)} is ${outcome}.${events}`;
      return { ok: true, data: { saga, key, outcome, published: published.length }, text };
    });
  },
};

type Looking = Pick<CommandServices, 'admin' | 'settings'>;

function lookOf({ admin, settings }: Looking): SagaLookStore {
  return new SagaLookStore(admin, settings.snapshotOf(sagaSettings).stuckAfterHours);
}

/** @throws IntegrationError INTEGRATION_SAGA_UNKNOWN */
async function existing(services: Looking, saga: string, key: string): Promise<SagaInstance> {
  const found = await lookOf(services).find(saga, key);
  if (found === undefined) throw unknownSaga(saga, key);
  return found;
}

/** The commands of sagas, in the order of the usage. */
export const sagasCommands: readonly Command[] = [listCommand, showCommand, retryCommand, endCommand];
