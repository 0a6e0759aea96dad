import { Inject, Injectable } from '@nestjs/common';
import type { Rehearsal as FoundRehearsal, UnpublishedEvent } from '../../changes/rehearsals/rehearsal.js';
import { RehearsalService } from '../../changes/rehearsals/rehearsal.service.js';
import { EventLookService } from '../../log/event-look.service.js';
import { text, uuid } from '../../rest/field.js';
import { notFound } from '../../rest/problem.js';
import { reason } from '../../rest/route.js';
import { Rehearsal, RehearsalOutlook } from '../answers/rehearsals.js';
import {
  ADMIN_CALL_OPTIONS,
  type AdminCallOptions,
  type AdminHttpRequest,
} from '../options/admin-options.js';
import { hidingValues } from '../payload/hidden-values.js';
import { maskedPayload, type PayloadOfEvent } from '../payload/masked-payload.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';

const id = uuid('The id of the event.');
const consumer = text('The name of the consumer that has failed at the event.', 127);
const target = (path: { readonly id: string }) => ({ event: path.id });

const ROUTES = {
  outlook: route({
    method: 'GET',
    path: 'events/:id/rehearsal',
    action: 'dead-letters.read',
    about:
      'What a rehearsal of this dead letter does and does not undo, whether it would be refused, and which processes have the handler.',
    pathFields: { id },
    target,
    query: { consumer },
    answer: RehearsalOutlook,
  }),
  start: route({
    method: 'POST',
    path: 'events/:id/rehearsals',
    action: 'dead-letters.rehearse',
    about:
      'Asks a live process to run the transactional handler of this dead letter once, in a transaction that is always rolled back. Calls of the handler to other services are not undone. The answer is there before the handler runs.',
    pathFields: { id },
    target,
    body: { consumer, reason },
    answer: Rehearsal,
  }),
  get: route({
    method: 'GET',
    path: 'events/:id/rehearsals/:rehearsal',
    action: 'dead-letters.read',
    about:
      'What has become of a rehearsal. Lines and payloads need the action payloads.read as well, and what the mask hides is left out. It is kept for an hour.',
    pathFields: { id, rehearsal: uuid('The id of the rehearsal.') },
    target,
    answer: Rehearsal,
  }),
};

@Injectable()
export class RehearsalsHandlers implements Answering<typeof ROUTES, RehearsalsHandlers> {
  static readonly routes = ROUTES;

  constructor(
    private readonly rehearsals: RehearsalService,
    private readonly look: EventLookService,
    @Inject(ADMIN_CALL_OPTIONS) private readonly options: AdminCallOptions,
  ) {}

  outlook({ path, query }: Call<typeof ROUTES.outlook>) {
    return this.rehearsals.outlook({ outboxEventId: path.id, consumerName: query.consumer });
  }

  async start(call: Call<typeof ROUTES.start>) {
    const { path, body, author } = call;
    const event = { outboxEventId: path.id, consumerName: body.consumer };
    return this.shown(await this.rehearsals.start(event, author), call);
  }

  async get(call: Call<typeof ROUTES.get>) {
    const { id, rehearsal } = call.path;
    const found = await this.rehearsals.get(rehearsal);
    if (found?.outboxEventId !== id.toLowerCase()) throw notFound(`rehearsal ${rehearsal} of event ${id}`);
    return this.shown(found, call);
  }

  /**
   * Without the right to read payloads, and without the payload that says what is hidden, nothing is shown.
   */
  private async shown(
    found: FoundRehearsal,
    { may, request }: Pick<Call<typeof ROUTES.get>, 'may' | 'request'>,
  ): Promise<FoundRehearsal & { mayReadPayloads: boolean }> {
    const { outboxEventId, result } = found;
    if (result === null) return { ...found, mayReadPayloads: false };
    const handled = (await may('payloads.read', { event: outboxEventId }))
      ? await this.look.withPayloadText(outboxEventId)
      : undefined;
    if (handled === undefined) {
      const published = result.published.map((each) => ({ ...each, payload: null }));
      return { ...found, mayReadPayloads: false, result: { ...result, lines: [], published } };
    }
    const hiding = await this.hidingOf(handled, result.published, request);
    const hide = (text: string) => hiding.reduce((shown, each) => each(shown), text);
    const lines = result.lines.map((line) => ({ ...line, text: hide(line.text) }));
    const published = await Promise.all(result.published.map((each) => this.masked(each, request)));
    return { ...found, mayReadPayloads: true, result: { ...result, lines, published } };
  }

  /** What takes out of a line the values that are hidden of the event, and of those that it would publish. */
  private hidingOf(
    handled: PayloadOfEvent,
    published: readonly UnpublishedEvent[],
    request: AdminHttpRequest,
  ): Promise<((text: string) => string)[]> {
    const mask = this.options.mask?.bind(this.options);
    const all = [handled, ...published.flatMap((each) => withPayload(each) ?? [])];
    return Promise.all(all.map((each) => hidingValues(each, mask, request)));
  }

  private async masked(event: UnpublishedEvent, request: AdminHttpRequest): Promise<UnpublishedEvent> {
    const whole = withPayload(event);
    if (whole === undefined) return event;
    return { ...event, payload: await maskedPayload(whole, this.options.mask?.bind(this.options), request) };
  }
}

/** Undefined if the payload is too long to be there. */
function withPayload({ payload, ...event }: UnpublishedEvent): PayloadOfEvent | undefined {
  return payload === null ? undefined : { event, payload };
}
