import { Injectable } from '@nestjs/common';
import type { ChangeAuthor } from '../../audit/change-author.js';
import type { OperationFilter } from '../../changes/chosen/operation-filter.js';
import {
  OPERATION_KINDS,
  OPERATION_ORDERS,
  OPERATION_STATES,
  type OperationKind,
} from '../../changes/operations/operation.js';
import { OperationService } from '../../changes/operations/operation.service.js';
import { EVENT_TEXT_LIMITS } from '../../events/event-limits.js';
import { MOST_CHOSEN } from '../../inbox/filter-checks.js';
import { choice, count, list, optional, position, text, time, uuid } from '../../rest/field.js';
import { deniedAction } from '../../rest/problem.js';
import { limit, reason } from '../../rest/route.js';
import { Operation, OperationCount, OperationPage, OperationWithVerdict } from '../answers/operations.js';
import { Denials } from '../calls/denials.js';
import { cursor, cursorText } from '../input/cursor.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';
import { INBOX_FIELDS, inboxFilterOf } from './inbox-fields.js';

const MOST = Number.MAX_SAFE_INTEGER;
const MOST_NAMES = 100;
const pathFields = { id: uuid('The id of an operation.') };
const target = ({ id }: { readonly id: string }) => ({ operation: id });

const EVENT_NAME = text(
  'An event name, or names with this beginning and a trailing *.',
  EVENT_TEXT_LIMITS.eventName,
);

const PART_FIELDS = {
  since: optional(time('Written at this time or later.')),
  until: optional(time('Written before this time.')),
  from: optional(position('The first position.')),
  to: optional(position('The last position.')),
};

const WISH = {
  kind: choice('What is done with the events.', OPERATION_KINDS),
  ...INBOX_FIELDS,
  events: optional(
    list(
      'The ids of events that were chosen one by one, in the place of event. Not of a replay.',
      'uuids',
      MOST_CHOSEN,
      uuid(''),
    ),
  ),
  eventName: optional(EVENT_NAME),
  eventNames: optional(
    list('Several such names, in the place of eventName.', 'event names', MOST_NAMES, EVENT_NAME),
  ),
  ...PART_FIELDS,
  maxEvents: optional(count('The largest number of events, the oldest first.', 1, MOST)),
  rate: optional(count('The largest number of events a second.', 1, 100_000)),
  stopAfter: optional(count('Stops by itself after this number of events have failed again.', 1, 1_000_000)),
  stopAbovePercent: optional(
    count(
      'Stops by itself once more than this percentage of its events have failed again. It begins with 5 events, and goes on with 50, 500 and so on in all. Of a redrive.',
      1,
      99,
    ),
  ),
  reason,
};

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'operations',
    action: 'operations.read',
    about: 'Redrives, discards and replays of many events.',
    query: {
      limit,
      after: optional(cursor(['text'])),
      state: optional(choice('Its state.', OPERATION_STATES)),
      kind: optional(text('Its kind.', 32)),
      consumer: optional(text('The consumer that its filter names.', 127)),
      order: optional(
        choice('Which come first, by when they were planned: the latest by default.', OPERATION_ORDERS),
      ),
    },
    answer: OperationPage,
  }),
  count: route({
    method: 'POST',
    path: 'operations/count',
    action: 'operations.plan',
    about:
      'Counts what an operation would change, as the plan of one does, and keeps nothing. A replay needs the action consumers.replay as well.',
    body: WISH,
    answer: OperationCount,
    startsNothing: true,
  }),
  plan: route({
    method: 'POST',
    path: 'operations',
    action: 'operations.plan',
    about:
      'Counts what an operation would change, and keeps it as a plan. It changes no event. A replay needs a consumer, and the action consumers.replay as well.',
    body: WISH,
    answer: Operation,
  }),
  get: route({
    method: 'GET',
    path: 'operations/:id',
    action: 'operations.read',
    about: 'How far an operation has come, and what became of its events.',
    pathFields,
    target,
    answer: OperationWithVerdict,
  }),
  run: route({
    method: 'POST',
    path: 'operations/:id/run',
    action: 'operations.run',
    about: 'Starts a planned operation. A plan that is old or outgrown is refused with 409.',
    pathFields,
    body: { reason },
    target,
    answer: Operation,
  }),
  pause: route({
    method: 'POST',
    path: 'operations/:id/pause',
    action: 'operations.pause',
    about: 'Holds an operation that runs until it is resumed.',
    pathFields,
    body: { reason },
    target,
    answer: Operation,
  }),
  resume: route({
    method: 'POST',
    path: 'operations/:id/resume',
    action: 'operations.resume',
    about: 'Goes on with an operation that is paused, from where it was.',
    pathFields,
    body: { reason },
    target,
    answer: Operation,
  }),
  rate: route({
    method: 'POST',
    path: 'operations/:id/rate',
    action: 'operations.rate',
    about: 'Changes how many events a second an operation sends, also while it runs.',
    pathFields,
    body: { rate: optional(count('Events a second. Without it there is no limit.', 1, 100_000)), reason },
    target,
    answer: Operation,
  }),
  cancel: route({
    method: 'POST',
    path: 'operations/:id/cancel',
    action: 'operations.cancel',
    about: 'Stops an operation. What was changed stays changed.',
    pathFields,
    body: { reason },
    target,
    answer: Operation,
  }),
};

@Injectable()
export class OperationsHandlers implements Answering<typeof ROUTES, OperationsHandlers> {
  static readonly routes = ROUTES;

  constructor(
    private readonly operations: OperationService,
    private readonly denials: Denials,
  ) {}

  async list({ query }: Call<typeof ROUTES.list>) {
    const { limit, after: [after] = [], state, kind, consumer, order } = query;
    const { operations, next } = await this.operations.list({
      limit,
      after,
      state,
      kind: kind as OperationKind | undefined,
      consumerName: consumer,
      order,
    });
    return { items: operations, next: next === null ? null : cursorText([next]) };
  }

  async count({ body, author, may }: Call<typeof ROUTES.count>) {
    const request = requestOf(body);
    await this.requireMayReplay(request, author, may);
    const { events, isAtLeast, parts, leftOut } = await this.operations.count(request);
    return { plannedEvents: events, plannedAtLeast: isAtLeast, parts, leftOut: leftOut ?? null };
  }

  async plan({ body, author, may }: Call<typeof ROUTES.plan>) {
    const request = requestOf(body);
    await this.requireMayReplay(request, author, may);
    return this.operations.plan({ ...request, ...author });
  }

  async get({ path }: Call<typeof ROUTES.get>) {
    const operation = await this.operations.get(path.id);
    const verdict = await this.operations.verdict(path.id);
    return { ...operation, verdict, ...this.operations.outlook(operation, verdict) };
  }

  async run({ path, author, may }: Call<typeof ROUTES.run>) {
    await this.requireMayReplay(await this.operations.get(path.id), author, may);
    return this.operations.run(path.id, author);
  }

  pause({ path, author }: Call<typeof ROUTES.pause>) {
    return this.operations.pause(path.id, author);
  }

  resume({ path, author }: Call<typeof ROUTES.resume>) {
    return this.operations.resume(path.id, author);
  }

  rate({ path, body, author }: Call<typeof ROUTES.rate>) {
    return this.operations.changeRate(path.id, body.rate ?? null, author);
  }

  cancel({ path, author }: Call<typeof ROUTES.cancel>) {
    return this.operations.cancel(path.id, author);
  }

  /** Who may not replay a consumer may not do it by an operation either. */
  private async requireMayReplay(
    { kind, filter }: { readonly kind: string; readonly filter: Pick<OperationFilter, 'consumerName'> },
    { by = '' }: ChangeAuthor,
    may: Call<typeof ROUTES.plan>['may'],
  ): Promise<void> {
    const target = { consumer: filter.consumerName };
    if (kind !== 'replay' || (await may('consumers.replay', target))) return;
    await this.denials.note('consumers.replay', target, by);
    throw deniedAction('consumers.replay');
  }
}

function requestOf(body: Call<typeof ROUTES.plan>['body']) {
  const { kind, maxEvents, rate, stopAfter, stopAbovePercent, events, eventNames, since, until, from, to } =
    body;
  const filter = { ...inboxFilterOf(body), outboxEventIds: events, eventNames, since, until, from, to };
  return { kind, filter, maxEvents, rate, stopAfter, stopAbovePercent };
}
