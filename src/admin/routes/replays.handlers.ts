import { Injectable } from '@nestjs/common';
import { ConsumerService } from '../../changes/consumer.service.js';
import { IntegrationError } from '../../errors.js';
import { EVENT_TEXT_LIMITS } from '../../events/event-limits.js';
import { EventLookService } from '../../log/event-look.service.js';
import { Counted } from '../answers/counted.js';
import { Replay, Replays } from '../answers/replays.js';
import { optional, text, time } from '../input/field.js';
import type { Answering } from './answering.js';
import { type Call, reason, route } from './route.js';

const pathFields = { name: text('The name of the consumer.', 127) };
const target = ({ name }: { readonly name: string }) => ({ consumer: name });
const choice = {
  since: time('Written at this time or later.'),
  until: optional(time('Written before this time.')),
  eventName: optional(
    text('Only this event name, or names with this beginning and a trailing *.', EVENT_TEXT_LIMITS.eventName),
  ),
};

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'consumers/:name/replays',
    action: 'consumers.read',
    about: 'The latest 100 replays of a consumer by time or name, and how far each is.',
    pathFields,
    target,
    answer: Replays,
  }),
  count: route({
    method: 'GET',
    path: 'consumers/:name/replays/count',
    action: 'consumers.read',
    about:
      'How many events of the log a replay would look at, at most. Those that the consumer has not handled yet are among them, and are not sent twice.',
    pathFields,
    target,
    query: choice,
    answer: Counted,
  }),
  start: route({
    method: 'POST',
    path: 'consumers/:name/replays',
    action: 'consumers.replay',
    about:
      'Delivers events to a consumer again, beside its other work. Its owner works the replay off while it runs.',
    pathFields,
    target,
    body: { ...choice, reason },
    answer: Replay,
  }),
};

@Injectable()
export class ReplaysHandlers implements Answering<typeof ROUTES, ReplaysHandlers> {
  static readonly routes = ROUTES;

  constructor(
    private readonly consumers: ConsumerService,
    private readonly look: EventLookService,
  ) {}

  async list({ path }: Call<typeof ROUTES.list>) {
    await this.eventNamesOf(path.name);
    return { items: await this.consumers.replays(path.name) };
  }

  async count({ path, query }: Call<typeof ROUTES.count>) {
    const names = await this.eventNamesOf(path.name);
    const { since, until, eventName } = query;
    return this.look.count({
      eventNames: eventName === undefined ? names : [eventName],
      from: since,
      to: until,
    });
  }

  async start({ path, body, author }: Call<typeof ROUTES.start>) {
    const { since, until, eventName } = body;
    const eventNames = eventName === undefined ? undefined : [eventName];
    const result = await this.consumers.replay(path.name, { since, until, eventNames }, author);
    // A choice by time is always worked off as a request.
    if (result.kind === 'request') return result.request;
    throw new Error('a replay since a time became a replay of a range');
  }

  private async eventNamesOf(name: string): Promise<readonly string[]> {
    const found = (await this.consumers.list({ consumerName: name })).at(0);
    if (found !== undefined) return found.eventNames;
    throw new IntegrationError('INTEGRATION_CONSUMER_UNKNOWN', `There is no consumer "${name}"`, {
      consumerName: name,
    });
  }
}
