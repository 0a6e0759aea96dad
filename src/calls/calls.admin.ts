import { Injectable } from '@nestjs/common';
import type { AdminAddition } from '../admin/routes/admin-sections.js';
import type { Answering } from '../admin/routes/answering.js';
import { type Call, route } from '../admin/routes/route.js';
import { IntegrationError } from '../errors.js';
import { choice, flag, optional, text, uuid } from '../rest/field.js';
import { limit, PAGE_SIZE, reason } from '../rest/route.js';
import {
  FLAG,
  INTEGER,
  list,
  named,
  object,
  oneOf,
  orNull,
  pageOf,
  TEXT,
  TIME,
  UUID,
} from '../rest/schema.js';
import {
  LONGEST_GROUP,
  LONGEST_SUBJECT_ID,
  LONGEST_SUBJECT_TYPE,
  LONGEST_TENANT,
  unknownCall,
} from './call-errors.js';
import { CALL_STATUSES, type CallSubject, REPORT_PHASES } from './external-call.js';
import { ExternalCallsService } from './external-calls.service.js';
import { CALL_NEXT, nextOf, shownCall, shownReport } from './shown-call.js';

const LONGEST_TYPE = 60;

const LISTED = {
  id: UUID,
  type: TEXT,
  tenantId: TEXT,
  group: TEXT,
  subject: orNull(object({ type: TEXT, id: TEXT })),
  caller: orNull(object({ saga: TEXT, key: TEXT })),
  status: oneOf(CALL_STATUSES),
  externalId: orNull(TEXT),
  error: orNull(object({ code: TEXT, message: TEXT })),
  attempts: INTEGER,
  isOutcomeUnknown: FLAG,
  lastError: orNull(TEXT),
  cancelReason: orNull(TEXT),
  retryOf: orNull(UUID),
  dueAt: orNull(TIME),
  deadlineAt: TIME,
  createdAt: TIME,
  changedAt: TIME,
  endedAt: orNull(TIME),
};

const CallPage = named('CallPage', pageOf(object(LISTED)));
const ExternalCall = named('ExternalCall', object({ ...LISTED, next: orNull(oneOf(CALL_NEXT)) }));

const CallTimeline = named(
  'CallTimeline',
  object({
    items: list(
      object({
        id: INTEGER,
        externalId: orNull(TEXT),
        phase: oneOf(REPORT_PHASES),
        source: TEXT,
        applied: FLAG,
        times: INTEGER,
        at: TIME,
        lastAt: TIME,
      }),
    ),
  }),
);

const CallCounts = named(
  'CallCounts',
  object({
    items: list(
      object({
        type: TEXT,
        status: oneOf(CALL_STATUSES),
        calls: INTEGER,
        outcomeUnknown: INTEGER,
        oldestChangeAt: TIME,
        newestChangeAt: TIME,
      }),
    ),
    atLeast: FLAG,
  }),
);

const one = {
  pathFields: { id: uuid('The id of the call.') },
  target: ({ id }: { readonly id: string }) => ({ externalCall: id }),
};

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'calls',
    action: 'calls.read',
    about: 'Calls to other systems without what was asked and answered, those made last first.',
    query: {
      limit,
      after: optional(uuid('The `next` of the page before. Leave it out for the first page.')),
      type: optional(text('The type.', LONGEST_TYPE)),
      status: optional(choice('How they stand.', CALL_STATUSES)),
      tenant: optional(text('The id of their tenant.', LONGEST_TENANT)),
      group: optional(text('Their group.', LONGEST_GROUP)),
      subjectType: optional(text('The type of what they are about, with `subjectId`.', LONGEST_SUBJECT_TYPE)),
      subjectId: optional(text('The id of what they are about.', LONGEST_SUBJECT_ID)),
      outcomeUnknown: optional(flag('Only those of which nobody knows whether they were taken.')),
    },
    answer: CallPage,
  }),
  counts: route({
    method: 'GET',
    path: 'calls/counts',
    action: 'calls.read',
    about:
      'How many calls of each type stand how. Of those that have ended, the ones of the last day are counted. At most 100,000 are counted of those that go on, and as many of the others.',
    answer: CallCounts,
  }),
  one: route({
    ...one,
    method: 'GET',
    path: 'calls/:id',
    action: 'calls.read',
    about: 'One call without what was asked and answered, and what happens next to it.',
    answer: ExternalCall,
  }),
  timeline: route({
    ...one,
    method: 'GET',
    path: 'calls/:id/timeline',
    action: 'calls.read',
    about:
      'What was heard of a call, in the order in which it came: at most 1,000 reports, without what they brought.',
    answer: CallTimeline,
  }),
  check: route({
    ...one,
    method: 'POST',
    path: 'calls/:id/check',
    action: 'calls.change',
    about: 'Asks the other system now how far a call is, or begins the call now.',
    body: { reason },
    answer: ExternalCall,
  }),
  retry: route({
    ...one,
    method: 'POST',
    path: 'calls/:id/retry',
    action: 'calls.change',
    about:
      'Begins a call that waits now. One that has failed is repeated by a new call. It answers the call that goes on.',
    body: { reason },
    answer: ExternalCall,
  }),
  cancel: route({
    ...one,
    method: 'POST',
    path: 'calls/:id/cancel',
    action: 'calls.change',
    about:
      'Cancels a call. If the other system may have taken it, it is told first, and the call is canceled then.',
    body: { reason },
    answer: ExternalCall,
  }),
};

/**
 * Calls for admins. What was asked, what was answered and what reports brought is data of the application,
 * so these routes do not show it.
 */
@Injectable()
export class CallsHandlers implements Answering<typeof ROUTES, CallsHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly calls: ExternalCallsService) {}

  async list({ query }: Call<typeof ROUTES.list>) {
    const { limit = PAGE_SIZE, after, tenant, subjectType, subjectId, outcomeUnknown, ...filter } = query;
    const subject = subjectOf(subjectType, subjectId);
    const { calls, next } = await this.calls.list(
      { ...filter, tenantId: tenant, subject, isOutcomeUnknown: outcomeUnknown },
      { limit, after },
    );
    return { items: calls.map(shownCall), next };
  }

  counts() {
    return this.calls.counts();
  }

  one({ path: { id } }: Call<typeof ROUTES.one>) {
    return this.found(id);
  }

  async timeline({ path: { id } }: Call<typeof ROUTES.timeline>) {
    return { items: (await this.calls.timeline(id)).map(shownReport) };
  }

  async check({ path: { id }, author }: Call<typeof ROUTES.check>) {
    await this.calls.check(id, author);
    return this.found(id);
  }

  async retry({ path: { id }, author }: Call<typeof ROUTES.retry>) {
    return this.found(await this.calls.retry(id, author));
  }

  async cancel({ path: { id }, author }: Call<typeof ROUTES.cancel>) {
    await this.calls.cancel(id, author);
    return this.found(id);
  }

  private async found(id: string) {
    const found = await this.calls.get(id);
    if (found === undefined) throw unknownCall(id);
    return { ...shownCall(found), next: nextOf(found) };
  }
}

function subjectOf(type: string | undefined, id: string | undefined): CallSubject | undefined {
  if (type === undefined && id === undefined) return undefined;
  if (type !== undefined && id !== undefined) return { type, id };
  throw new IntegrationError(
    'INTEGRATION_ADMIN_INVALID',
    'A subject has a type and an id: give subjectType and subjectId',
  );
}

export const callsAdmin: AdminAddition = {
  sections: [CallsHandlers],
  statuses: {
    INTEGRATION_CALL_UNKNOWN: 404,
    INTEGRATION_CALL_STATE: 409,
  },
};
