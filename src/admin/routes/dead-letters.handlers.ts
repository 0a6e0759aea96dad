import { Injectable } from '@nestjs/common';
import type { DeadLetter } from '../../inbox/inbox-record.js';
import { cursor, cursorText } from '../input/cursor.js';
import { optional } from '../input/field.js';
import { Deliveries } from '../look/deliveries.js';
import { INBOX_FIELDS, inboxFilterOf } from './inbox-fields.js';
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
      ...INBOX_FIELDS,
    },
    answer: 'DeadLetterPage',
  }),
};

@Injectable()
export class DeadLettersHandlers {
  static readonly routes = ROUTES;

  constructor(private readonly deliveries: Deliveries) {}

  async list({ query }: Call<typeof ROUTES.list>): Promise<PageAnswer<DeadLetter>> {
    const { limit = PAGE_SIZE, after: [after] = [0], ...fields } = query;
    const items = await this.deliveries.deadLetters(inboxFilterOf(fields), limit, after);
    const last = items.at(-1);
    return { items, next: last === undefined || items.length < limit ? null : cursorText([last.position]) };
  }
}
