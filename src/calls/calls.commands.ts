import { authorOf, CHANGE_OPTIONS } from '../cli/author.js';
import { type Command, type CommandContext, type CommandResult, UsageError } from '../cli/command.js';
import { saidFirst, type Would } from '../cli/dry-run.js';
import { facts } from '../cli/facts.js';
import { nextPage } from '../cli/next-page.js';
import { checkUuid, choiceOption, pageOption, textOption } from '../cli/options.js';
import { withServices } from '../cli/services.js';
import { table } from '../cli/table.js';
import { counted, hint, timeText } from '../cli/texts.js';
import type { AdminDatabase } from '../database/admin-database.js';
import { EventLimits } from '../events/event-limits.js';
import { OutboxEventStore } from '../outbox/outbox-event.store.js';
import { PartEvents } from '../outbox/part-events.js';
import { WakeupStore } from '../wakeups/wakeup.store.js';
import { pageSizeOf } from '../words/argument-checks.js';
import { CallChanges, type ChangedCall } from './call-changes.js';
import { unknownCall } from './call-errors.js';
import { CallLookStore } from './call-look.store.js';
import { kindOf } from './call-type.js';
import { CALL_STATUSES, type CallReport, type CallSubject, type ExternalCall } from './external-call.js';
import { hasEnded } from './heard.js';
import { type CallNext, nextOf, type ShownCall, shownCall, shownReport } from './shown-call.js';

const listCommand: Command = {
  name: 'calls list',
  parameters: [],
  options: {
    type: { type: 'string', summary: 'only calls of this type' },
    status: { type: 'string', summary: `only those that are ${CALL_STATUSES.join(', ')}` },
    tenant: { type: 'string', summary: 'only those of this tenant' },
    group: { type: 'string', summary: 'only those of this group' },
    'subject-type': { type: 'string', summary: 'only those about a subject of this type, with --subject-id' },
    'subject-id': { type: 'string', summary: 'only those about the subject with this id' },
    outcome: { type: 'string', summary: 'unknown: only those of which nobody knows whether they were taken' },
    limit: { type: 'string', summary: 'how many, default 50' },
    after: { type: 'string', summary: 'the page behind: the id of the last call of the page before' },
  },
  summary: 'show calls to other systems and how they stand, those made last first',
  async run(context) {
    const { options, withDatabase } = context;
    const after = textOption(options, 'after');
    const filter = {
      type: textOption(options, 'type'),
      status: choiceOption(options, 'status', CALL_STATUSES),
      tenantId: textOption(options, 'tenant'),
      group: textOption(options, 'group'),
      subject: subjectOption(options),
      isOutcomeUnknown: choiceOption(options, 'outcome', ['unknown']) && true,
    };
    const behind = after === undefined ? undefined : checkUuid(after, 'The id in --after');
    const limit = pageSizeOf(pageOption(options));
    const { calls, next } = await withDatabase((_db, admin) =>
      new CallLookStore(admin).page(filter, behind, limit),
    );
    const shown = calls.map(shownCall);
    const more = next === null ? [] : [`More: ${nextPage(context, 'calls list', { after: next })}`];
    return { ok: true, data: { calls: shown, next }, text: [listText(shown), ...more].join('\n') };
  },
};

function subjectOption(options: CommandContext['options']): CallSubject | undefined {
  const type = textOption(options, 'subject-type');
  const id = textOption(options, 'subject-id');
  if (type === undefined && id === undefined) return undefined;
  if (type !== undefined && id !== undefined) return { type, id };
  throw new UsageError('a subject has a type and an id: give --subject-type and --subject-id');
}

function listText(calls: readonly ShownCall[]): string {
  if (calls.length === 0) return 'There is no such call.';
  return table(calls, [
    { heading: 'CALL', cell: ({ id }) => id },
    { heading: 'TYPE', cell: ({ type }) => type },
    { heading: 'STATUS', cell: statusText },
    { heading: 'CREATED', cell: ({ createdAt }) => timeText(createdAt) },
    { heading: 'ATTEMPTS', cell: ({ attempts }) => String(attempts) },
    { heading: 'ERROR', cell: ({ error, lastError }) => error?.code ?? lastError ?? '', cut: 3 },
    { heading: 'TENANT', cell: ({ tenantId }) => tenantId, cut: 1 },
    { heading: 'GROUP', cell: ({ group }) => group, cut: 2 },
  ]);
}

function statusText({ status, isOutcomeUnknown }: ShownCall): string {
  return isOutcomeUnknown ? `${status}, outcome unknown` : status;
}

const showCommand: Command = {
  name: 'calls show',
  parameters: ['call'],
  options: {
    'with-data': {
      type: 'boolean',
      summary: 'show the request, the result and what reports brought as well',
    },
  },
  summary: 'show one call: how it stands, what was heard of it, and what comes next',
  async run(context) {
    const id = idOf(context);
    const { call, reports } = await context.withDatabase(async (_db, admin) => ({
      call: await existing(admin, id),
      reports: await new CallLookStore(admin).reports(id),
    }));
    const isDataShown = context.options['with-data'] === true;
    const next = nextOf(call);
    const text = [
      factsOf(shownCall(call), next),
      ...(reports.length === 0 ? [] : [timelineText(reports)]),
      ...(isDataShown ? dataText(call, reports) : []),
      ...(call.status === 'failed' ? [`Repeat it: ${hint(context, 'calls retry', [id])}`] : []),
    ].join('\n\n');
    const data = isDataShown
      ? { call, timeline: reports, next }
      : { call: shownCall(call), timeline: reports.map(shownReport), next };
    return { ok: true, data, text };
  },
};

const NEXT_TEXTS: Readonly<Record<CallNext, string>> = {
  start: 'the other system is asked to begin',
  'find-out': 'it is found out whether the other system has taken it',
  poll: 'the other system is asked how far it is',
  report: 'it waits for a report',
  cancel: 'the other system is told that it is not wanted any more',
};

function factsOf(call: ShownCall, next: CallNext | null): string {
  const { subject, caller, error, dueAt } = call;
  const given = (text: string) => (text === '' ? null : text);
  return facts([
    ['Call', call.id],
    ['Type', call.type],
    ['Status', statusText(call)],
    ['Tenant', given(call.tenantId)],
    ['Group', given(call.group)],
    ['Subject', subject && `${subject.type} ${subject.id}`],
    ['Made by', caller && `saga ${caller.saga} ${caller.key}`],
    ['External id', call.externalId],
    ['Attempts', String(call.attempts)],
    ['Error', error && `${error.code}: ${error.message}`],
    ['Last failure', call.lastError],
    ['Cancelled', call.cancelReason],
    ['Repeats', call.retryOf],
    ['Created', timeText(call.createdAt)],
    ['Changed', timeText(call.changedAt)],
    ['Ended', call.endedAt && timeText(call.endedAt)],
    ['Next', next && `${NEXT_TEXTS[next]}${dueAt === null ? '' : `, at ${timeText(dueAt)}`}`],
    ['Deadline', next && `fails at ${timeText(call.deadlineAt)}`],
  ]);
}

function timelineText(reports: readonly CallReport[]): string {
  const numbered = reports.map((report, index) => ({ ...report, n: index + 1 }));
  return table(numbered, [
    { heading: 'N', cell: ({ n }) => String(n) },
    { heading: 'AT', cell: ({ at }) => timeText(at) },
    { heading: 'PHASE', cell: ({ phase }) => phase },
    { heading: 'SOURCE', cell: ({ source }) => source },
    { heading: 'CHANGED IT', cell: ({ applied }) => (applied ? 'yes' : 'no, kept') },
    {
      heading: 'TIMES',
      cell: ({ times, lastAt }) => (times === 1 ? '1' : `${times}, last ${timeText(lastAt)}`),
    },
    { heading: 'EXTERNAL ID', cell: ({ externalId }) => externalId ?? '', cut: 1 },
  ]);
}

function dataText({ request, result, error }: ExternalCall, reports: readonly CallReport[]): string[] {
  const shown = (what: string, value: unknown) => `${what}:\n${JSON.stringify(value, null, 2)}`;
  return [
    shown('Request', request),
    ...(result === null ? [] : [shown('Result', result)]),
    ...(error?.details === undefined ? [] : [shown('Details of the error', error.details)]),
    ...reports.flatMap(({ data }, index) => (data === null ? [] : [shown(`Report ${index + 1}`, data)])),
  ];
}

type How = 'check' | 'retry' | 'cancel';

/** A command that changes a call. `would` says what it would do, and `done` what it did. */
function changeCommand(
  how: How,
  summary: string,
  would: (call: ExternalCall) => string,
  done: (call: ExternalCall, id: string) => string,
): Command {
  return {
    name: `calls ${how}`,
    parameters: ['call'],
    options: CHANGE_OPTIONS,
    summary,
    run(context): Promise<CommandResult> {
      const id = idOf(context);
      return withServices(context, async ({ admin }) => {
        const dry = await saidFirst(context, async () => wouldOf(await existing(admin, id), would));
        if (dry !== undefined) return dry;
        const { id: changed } = await change(admin, how, id, context);
        const call = await existing(admin, changed);
        return {
          ok: true,
          data: { call: id, status: call.status, ...(changed === id ? {} : { repeatedBy: changed }) },
          text: done(call, id),
        };
      });
    },
  };
}

function wouldOf(call: ExternalCall, would: (call: ExternalCall) => string): Would {
  return { what: would(call), data: { call: call.id, status: call.status, next: nextOf(call) } };
}

/** Changes a call, and tells the owners of its lane, which would see it within two seconds anyway. */
async function change(
  admin: AdminDatabase,
  how: How,
  id: string,
  context: CommandContext,
): Promise<ChangedCall> {
  const events = new PartEvents(new OutboxEventStore(admin), new EventLimits());
  const changed = await new CallChanges(admin, events)[how](id, undefined, authorOf(context));
  await new WakeupStore(admin).tellLanes(kindOf(changed.type)).catch(() => {});
  return changed;
}

const endedText = ({ id, status }: ExternalCall) => `Call ${id} has ended already: it is ${status}.`;

const checkCommand = changeCommand(
  'check',
  'ask the other system now how far a call is',
  (call) =>
    hasEnded(call.status)
      ? endedText(call)
      : `For call ${call.id}, this would happen now: ${NEXT_TEXTS[soon(call)]}.`,
  (call) => `For call ${call.id}, this happens now: ${NEXT_TEXTS[soon(call)]}.`,
);

/** What happens to a call that is due now. */
function soon(call: ExternalCall): CallNext {
  return nextOf({ ...call, dueAt: call.deadlineAt }) ?? 'poll';
}

const retryCommand = changeCommand(
  'retry',
  'begin a call that waits now, or repeat one that has failed by a new call',
  ({ id, status, attempts }) => {
    if (status === 'failed') return `Call ${id}, which has failed, would be repeated by a new call.`;
    if (status === 'requested')
      return `Call ${id} would be begun now, after ${counted(attempts, 'attempt')}.`;
    return `Call ${id} is ${status}, so it is not tried again.`;
  },
  (call, id) =>
    call.id === id ? `Call ${id} is begun now.` : `Call ${id} is repeated by the new call ${call.id}.`,
);

const cancelCommand = changeCommand(
  'cancel',
  'cancel a call; the other system is told first if it may have taken it',
  (call) => {
    if (hasEnded(call.status)) return endedText(call);
    return isUntouched(call)
      ? `Call ${call.id} would be canceled. It was not started.`
      : `Call ${call.id} would be canceled as soon as the other system was told.`;
  },
  ({ id, status }) =>
    status === 'canceled'
      ? `Call ${id} is canceled.`
      : `Call ${id} is canceled as soon as the other system was told.`,
);

function isUntouched({ status, isOutcomeUnknown }: ExternalCall): boolean {
  return status === 'requested' && !isOutcomeUnknown;
}

function idOf({ arguments: [id = ''] }: CommandContext): string {
  return checkUuid(id, 'The id of the call');
}

/** @throws IntegrationError INTEGRATION_CALL_UNKNOWN */
async function existing(admin: AdminDatabase, id: string): Promise<ExternalCall> {
  const found = await new CallLookStore(admin).find(id);
  if (found === undefined) throw unknownCall(id);
  return found;
}

/** The commands of calls, in the order of the usage. */
export const callsCommands: readonly Command[] = [
  listCommand,
  showCommand,
  checkCommand,
  retryCommand,
  cancelCommand,
];
