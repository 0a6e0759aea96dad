import { Inject, Injectable } from '@nestjs/common';
import { CorrectionService } from '../../changes/correction.service.js';
import { IntegrationError } from '../../errors.js';
import { EVENT_TEXT_LIMITS } from '../../events/event-limits.js';
import { Answer } from '../../http/answer.js';
import { ATTEMPTS_KEPT } from '../../inbox/failed-attempt.js';
import { EVENT_ORDERS, type EventHead, pageBehind } from '../../log/event-look.js';
import { EventLookService } from '../../log/event-look.service.js';
import {
  choice,
  count,
  flag,
  json,
  jsonPatch,
  optional,
  position,
  text,
  time,
  uuid,
} from '../../rest/field.js';
import { deniedAction, notFound, RestProblem } from '../../rest/problem.js';
import { limit } from '../../rest/route.js';
import type { Infer } from '../../rest/schema.js';
import { JourneyService } from '../../status/journey.service.js';
import { AttemptLines, ComparedAttempts, EventHistory } from '../answers/dead-letters.js';
import { Correction, EventChain, EventPage, ExplainedEvent, Payload } from '../answers/events.js';
import { Journey } from '../answers/journey.js';
import { cursor, cursorText } from '../input/cursor.js';
import { Deliveries } from '../look/deliveries.js';
import {
  ADMIN_CALL_OPTIONS,
  type AdminCallOptions,
  type AdminHttpRequest,
} from '../options/admin-options.js';
import { hidingValues } from '../payload/hidden-values.js';
import { maskedPayload } from '../payload/masked-payload.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';

const pathFields = { id: uuid('The id of the event.') };
const target = ({ id }: { readonly id: string }) => ({ event: id });

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'events',
    action: 'events.read',
    about:
      'Events without their payloads. A page looks at 100,000 positions at most, so it may be empty although there is a next one.',
    query: {
      limit,
      after: optional(cursor(['position'])),
      name: optional(
        text('An event name, or the beginning of one with a trailing *.', EVENT_TEXT_LIMITS.eventName),
      ),
      module: optional(text('The module that published.', EVENT_TEXT_LIMITS.sourceModule)),
      aggregateType: optional(text('The type of an aggregate.', EVENT_TEXT_LIMITS.aggregateType)),
      aggregateId: optional(text('The id of an aggregate.', EVENT_TEXT_LIMITS.aggregateId)),
      deduplicationKey: optional(text('A deduplication key.', EVENT_TEXT_LIMITS.deduplicationKey)),
      position: optional(position('The position of an event.')),
      correlationId: optional(text('The id of a correlation.', 255)),
      about: optional(
        text('The name of an event, the id of an aggregate of any type, or the id of a correlation.', 255),
      ),
      payloadPath: optional(
        text(
          'Where a value stands in the payload: customer.id. It needs payloadValue, from, and the permission payloads.read; with the option mask it is refused.',
          255,
        ),
      ),
      payloadValue: optional(text('The value there, as text.', 255)),
      from: optional(time('Written at this time or later.')),
      to: optional(time('Written before this time.')),
      order: optional(choice('Which come first, by position: the latest by default.', EVENT_ORDERS)),
      withStatus: optional(flag('Whether each event has the worst of what its consumers have done with it.')),
    },
    answer: EventPage,
  }),
  one: route({
    method: 'GET',
    path: 'events/:id',
    action: 'events.read',
    about:
      'One event without its payload, what each consumer has done with it, why it has not done more, and which consumers never get it. Numbers of its metadata have every digit that was published.',
    pathFields,
    target,
    answer: ExplainedEvent,
  }),
  payload: route({
    method: 'GET',
    path: 'events/:id/payload',
    action: 'payloads.read',
    about: 'The payload of one event, as far as it may be seen. Numbers have every digit that was published.',
    pathFields,
    target,
    answer: Payload,
  }),
  history: route({
    method: 'GET',
    path: 'events/:id/history',
    action: 'events.read',
    about:
      'The last ten attempts of one event that failed at one consumer, and what an admin decided. It is empty for an event that succeeded at once.',
    pathFields,
    target,
    query: { consumer: text('The name of the consumer.', 127) },
    answer: EventHistory,
  }),
  lines: route({
    method: 'GET',
    path: 'events/:id/lines',
    action: 'payloads.read',
    about:
      'What the logger of the handler wrote in each attempt that failed, where the engine keeps it. Values that the mask takes out of the payload are replaced.',
    pathFields,
    target,
    query: { consumer: text('The name of the consumer.', 127) },
    answer: AttemptLines,
  }),
  compared: route({
    method: 'GET',
    path: 'events/:id/compared',
    action: 'payloads.read',
    about:
      'Two attempts that failed, beside each other. They are given by their places in the history, of which the oldest is 1.',
    pathFields,
    target,
    query: {
      consumer: text('The name of the consumer.', 127),
      first: count('The place of one attempt.', 1, ATTEMPTS_KEPT),
      second: count('The place of the other one.', 1, ATTEMPTS_KEPT),
    },
    answer: ComparedAttempts,
  }),
  chain: route({
    method: 'GET',
    path: 'events/:id/chain',
    action: 'events.read',
    about: 'The events that belong together with this one, by their correlation, the oldest first.',
    pathFields,
    target,
    answer: EventChain,
  }),
  journey: route({
    method: 'GET',
    path: 'events/:id/journey',
    action: 'events.read',
    about:
      'The events that belong together with this one on their way through the consumers: what became of each, and by which attempts. It has at most 100 events and 30 consumers, those where something is wrong or open first.',
    pathFields,
    target,
    answer: Journey,
  }),
  correct: route({
    method: 'POST',
    path: 'events/:id/correct',
    action: 'events.correct',
    about:
      'Publishes an event with another payload, and discards this one for one consumer, where it is a dead letter or has failed: both, or neither. Every consumer of its name receives the new event.',
    pathFields,
    target,
    body: {
      consumer: text('The name of the consumer that failed at the event.', 127),
      payload: optional(
        json('The payload of the event that is published. A request has either this or a patch.'),
      ),
      patch: optional(
        jsonPatch(
          'A JSON Patch (RFC 6902) of the payload of this event, for payloads of any size. It needs the permission payloads.read. With the option mask, what it takes away stays as it is, and only add, remove and replace are taken.',
        ),
      ),
      eventVersion: optional(
        count('The version of the payload. The default is that of the event.', 1, 2_147_483_647),
      ),
      reason: text('Why it is corrected.', 1_000),
    },
    answer: Correction,
  }),
};

@Injectable()
export class EventsHandlers implements Answering<typeof ROUTES, EventsHandlers> {
  static readonly routes = ROUTES;

  constructor(
    private readonly look: EventLookService,
    private readonly deliveries: Deliveries,
    private readonly journeys: JourneyService,
    private readonly corrections: CorrectionService,
    @Inject(ADMIN_CALL_OPTIONS) private readonly options: AdminCallOptions,
  ) {}

  async list({ query, may }: Call<typeof ROUTES.list>) {
    if (query.payloadPath !== undefined || query.payloadValue !== undefined) await this.refusePayloads(may);
    const { limit, after: [place] = [], name, module, order, withStatus = false, ...filter } = query;
    const { items, next, ...scanned } = await this.look.search(
      { ...filter, eventName: name, sourceModule: module },
      { limit, ...pageBehind(order, place) },
    );
    const statuses = withStatus ? await this.deliveries.statusesOf(items) : [];
    return {
      items: items.map((event, index) => ({ ...event, status: statuses[index]?.status })),
      next: next === null ? null : cursorText([next]),
      ...scanned,
    };
  }

  /**
   * Whoever may not see payloads does not search in them. What `mask` would hide could be guessed by the
   * events that are found, and by how far a page came, so with it nobody does (decision 0119).
   */
  private async refusePayloads(may: Call<typeof ROUTES.list>['may']): Promise<void> {
    if (!(await may('payloads.read', {}))) throw deniedAction('payloads.read');
    if (this.options.mask !== undefined)
      throw new RestProblem(
        403,
        'INTEGRATION_ADMIN_DENIED',
        'Payloads are masked here, so nobody searches in them: a search would tell what the mask hides',
      );
  }

  async one({ path }: Call<typeof ROUTES.one>) {
    const found = await this.look.withMetadataText(path.id);
    if (found === undefined) throw notFound(`event ${path.id}`);
    const { metadata: _, ...event } = found.event;
    const [[report], leftOut] = await Promise.all([
      this.deliveries.reportsOf([found.event]),
      this.deliveries.leftOut(found.event),
    ]);
    const text = JSON.stringify({ ...event, ...report, leftOut });
    return Answer.ofText<Infer<typeof ExplainedEvent>>(`${text.slice(0, -1)},"metadata":${found.metadata}}`);
  }

  async payload({ path, request }: Call<typeof ROUTES.payload>) {
    const found = await this.look.withPayloadText(path.id);
    if (found === undefined) throw notFound(`event ${path.id}`);
    const payload = await maskedPayload(found, this.options.mask?.bind(this.options), request);
    return Answer.ofText<Infer<typeof Payload>>(
      `{"outboxEventId":"${found.event.outboxEventId}","payload":${payload}}`,
    );
  }

  async history({ path, query }: Call<typeof ROUTES.history>) {
    return this.deliveries.attempts.historyOf(path.id, query.consumer);
  }

  async lines({ path, query, request }: Call<typeof ROUTES.lines>) {
    const hide = await this.hidingIn(path.id, request);
    return { attempts: await this.deliveries.attempts.linesOf(path.id, query.consumer, hide) };
  }

  async compared({ path, query: { consumer, first, second }, request }: Call<typeof ROUTES.compared>) {
    const hide = await this.hidingIn(path.id, request);
    const found = await this.deliveries.attempts.compare(path.id, consumer, [first, second], hide);
    if (found === undefined) throw notFound(`attempt ${first} or ${second} of event ${path.id}`);
    return found;
  }

  async chain({ path }: Call<typeof ROUTES.chain>) {
    const chain = await this.look.chainOf(path.id);
    if (chain === undefined) throw notFound(`event ${path.id}`);
    return chain;
  }

  /**
   * An event whose payload is not there any more has no lines that could be shown: nobody knows what is
   * hidden.
   */
  private async hidingIn(id: string, request: AdminHttpRequest): Promise<(text: string) => string> {
    const found = await this.look.withPayloadText(id);
    if (found === undefined) throw notFound(`event ${id}`);
    return hidingValues(found, this.options.mask?.bind(this.options), request);
  }

  async journey({ path }: Call<typeof ROUTES.journey>) {
    const journey = await this.journeys.ofEvent(path.id);
    if (journey === undefined) throw notFound(`event ${path.id}`);
    return journey;
  }

  async correct({ path, body, author, may, request }: Call<typeof ROUTES.correct>) {
    const { consumer, payload, patch, eventVersion, reason } = body;
    const correction = { payload, patch, eventVersion };
    if (patch === undefined)
      return this.corrections.correct(path.id, consumer, correction, { ...author, reason });
    // What is answered to a patch tells something of the payload.
    if (!(await may('payloads.read', target(path)))) throw deniedAction('payloads.read');
    const ofOptions = this.options.mask?.bind(this.options);
    const mask =
      ofOptions &&
      ((text: string, event: EventHead) => maskedPayload({ event, payload: text }, ofOptions, request));
    return this.corrections
      .correct(path.id, consumer, correction, { ...author, reason, mask })
      .catch(async (error) => {
        throw error instanceof IntegrationError ? await this.withoutHidden(error, path.id, request) : error;
      });
  }

  /** The rules of an application for a payload may name values that the person does not see. */
  private async withoutHidden(
    error: IntegrationError,
    id: string,
    request: AdminHttpRequest,
  ): Promise<IntegrationError> {
    if (this.options.mask === undefined || error.code === 'INTEGRATION_ADMIN_INVALID') return error;
    const hide = await this.hidingIn(id, request);
    return new IntegrationError(error.code, hide(error.message), error.details);
  }
}
