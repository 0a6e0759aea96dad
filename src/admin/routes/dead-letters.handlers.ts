import { Injectable } from '@nestjs/common';
import { EVENT_TEXT_LIMITS } from '../../events/event-limits.js';
import { InboxService } from '../../inbox/inbox.service.js';
import type { DeadLetter } from '../../inbox/inbox-record.js';
import { cursor, cursorText } from '../input/cursor.js';
import { optional, position, text, uuid } from '../input/field.js';
import { type Call, limit, PAGE_SIZE, type PageAnswer, route } from './route.js';

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'dead-letters',
    action: 'dead-letters.read',
    about:
      'Dead letters by position, the oldest first. Those of one event are on one page, which may then have a few more than the limit.',
    query: {
      limit,
      after: optional(cursor(['position'])),
      consumer: optional(text('The name of a consumer.', 127)),
      eventName: optional(text('An event name.', EVENT_TEXT_LIMITS.eventName)),
      aggregateType: optional(text('The type of an aggregate.', EVENT_TEXT_LIMITS.aggregateType)),
      aggregateId: optional(text('The id of an aggregate.', EVENT_TEXT_LIMITS.aggregateId)),
      event: optional(uuid('The id of an event.')),
      position: optional(position('The position of an event.')),
      fingerprint: optional(text('The kind of the error.', 64)),
    },
    answer: 'DeadLetterPage',
  }),
};

@Injectable()
export class DeadLettersHandlers {
  static readonly routes = ROUTES;

  constructor(private readonly inbox: InboxService) {}

  async list({ query }: Call<typeof ROUTES.list>): Promise<PageAnswer<DeadLetter>> {
    const { limit = PAGE_SIZE, after: [after] = [], consumer, event, fingerprint, ...filter } = query;
    const items = await this.inbox.findDeadLetters(
      { ...filter, consumerName: consumer, outboxEventId: event, errorFingerprint: fingerprint },
      { limit, after },
    );
    const last = items.at(-1);
    return { items, next: last === undefined || items.length < limit ? null : cursorText([last.position]) };
  }
}
