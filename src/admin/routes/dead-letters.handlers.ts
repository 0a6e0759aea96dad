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
      'Dead letters by position, the oldest first. Those of one event are on one page, which may then have a few more than the limit. A filter by the name of the event or by the aggregate looks at 100,000 dead letters at most.',
    query: {
      limit,
      after: optional(cursor(['position'])),
      ...INBOX_FIELDS,
    },
    answer: 'DeadLetterPage',
  }),
};

/** One page of dead letters. `scannedTo` is the highest position that was looked at. Null if all were. */
interface DeadLetterPageAnswer extends PageAnswer<DeadLetter> {
  readonly scannedTo: number | null;
}

@Injectable()
export class DeadLettersHandlers {
  static readonly routes = ROUTES;

  constructor(private readonly deliveries: Deliveries) {}

  async list({ query }: Call<typeof ROUTES.list>): Promise<DeadLetterPageAnswer> {
    const { limit = PAGE_SIZE, after: [after] = [0], ...fields } = query;
    const { items, scannedTo } = await this.deliveries.deadLetters(inboxFilterOf(fields), limit, after);
    return { items, next: scannedTo === null ? null : cursorText([scannedTo]), scannedTo };
  }
}
