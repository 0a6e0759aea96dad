import { Injectable } from '@nestjs/common';
import { optional } from '../../rest/field.js';
import { limit, PAGE_SIZE } from '../../rest/route.js';
import { DeadLetterPage } from '../answers/dead-letters.js';
import { cursor, cursorText } from '../input/cursor.js';
import { Deliveries } from '../look/deliveries.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';
import { INBOX_FIELDS, inboxFilterOf } from './inbox-fields.js';

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'dead-letters',
    action: 'dead-letters.read',
    about:
      'Dead letters by position, the oldest first. Those of one event are on one page, which may then have a few more than the limit. A filter by the name of the event or by the aggregate looks at 100,000 dead letters at most.',
    query: {
      limit,
      after: optional(cursor(['position'])),
      ...INBOX_FIELDS,
    },
    answer: DeadLetterPage,
  }),
};

@Injectable()
export class DeadLettersHandlers implements Answering<typeof ROUTES, DeadLettersHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly deliveries: Deliveries) {}

  async list({ query }: Call<typeof ROUTES.list>) {
    const { limit = PAGE_SIZE, after: [after] = [0], ...fields } = query;
    const { items, scannedTo } = await this.deliveries.deadLetters(inboxFilterOf(fields), limit, after);
    return { items, next: scannedTo === null ? null : cursorText([scannedTo]), scannedTo };
  }
}
