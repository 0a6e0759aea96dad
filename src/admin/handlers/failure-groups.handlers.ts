import { Injectable } from '@nestjs/common';
import { choice, flag, optional, text } from '../../rest/field.js';
import { invalidRequest, otherOrder } from '../../rest/problem.js';
import { limit, reason } from '../../rest/route.js';
import {
  FAILURE_GROUP_ORDERS,
  type FailureGroupKey,
  type FailureGroupPlace,
} from '../../status/failure-group.js';
import { FailureGroupService } from '../../status/failure-group.service.js';
import { FailureGroupPage, GroupedDeadLetterPage } from '../answers/dead-letters.js';
import { Done } from '../answers/done.js';
import { cursor, cursorText } from '../input/cursor.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';

/** Stands in paths for dead letters that have no fingerprint. */
const NONE = 'none';

const pathFields = {
  fingerprint: text(`The kind of the failure. ${NONE} stands for dead letters without one.`, 64),
};
const consumer = text('The name of the consumer.', 127);

const ROUTES = {
  groups: route({
    method: 'GET',
    path: 'dead-letters/groups',
    action: 'dead-letters.read',
    about: 'Dead letters by consumer and kind of failure, with what people noted about each kind.',
    query: {
      limit,
      after: optional(cursor(['text', 'text', 'text', 'position'])),
      consumer: optional(consumer),
      error: optional(
        text(
          'A part of the latest error, whose numbers, ids and quoted texts may be others. A page looks at 20,000 kinds at most, by name.',
          1_000,
        ),
      ),
      order: optional(
        choice(
          'The order: by name, the largest first, or the latest first. By name if absent.',
          FAILURE_GROUP_ORDERS,
        ),
      ),
    },
    answer: FailureGroupPage,
  }),
  group: route({
    method: 'GET',
    path: 'dead-letters/groups/:fingerprint',
    action: 'dead-letters.read',
    about: 'One kind of failure at one consumer, and its dead letters by position, the oldest first.',
    pathFields,
    query: { limit, after: optional(cursor(['position', 'text'])), consumer },
    answer: GroupedDeadLetterPage,
  }),
  note: route({
    method: 'PATCH',
    path: 'dead-letters/groups/:fingerprint',
    action: 'dead-letters.note',
    about: 'Notes a text about one kind of failure, or that somebody has seen it.',
    pathFields,
    query: { consumer },
    body: {
      note: optional(text('The text, in the place of the one before.', 4_000)),
      removeNote: optional(flag('Whether to remove the text that was noted.')),
      acknowledged: optional(flag('Whether somebody has seen it. Later dead letters count as new.')),
      reason,
    },
    answer: Done,
  }),
};

@Injectable()
export class FailureGroupsHandlers implements Answering<typeof ROUTES, FailureGroupsHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly groupsOf: FailureGroupService) {}

  async groups({ query }: Call<typeof ROUTES.groups>) {
    const { limit, after, consumer: consumerName, error, order = 'name' } = query;
    if (after !== undefined && after[0] !== order) throw otherOrder();
    const value = order === 'name' ? undefined : after?.[3];
    const place = after === undefined ? undefined : { ...keyOf(after[1], after[2]), value };
    const { items, next, isPartial } = await this.groupsOf.list(
      { consumerName, error },
      { limit, after: place, order },
    );
    const cursorOf = (last: FailureGroupPlace) =>
      cursorText([order, last.consumerName, last.fingerprint ?? NONE, last.value ?? 0]);
    return { items, next: next && cursorOf(next), isPartial };
  }

  async group({ path, query }: Call<typeof ROUTES.group>) {
    const { limit, after } = query;
    const place = after === undefined ? undefined : { position: after[0], id: after[1] };
    const key = keyOf(query.consumer, path.fingerprint);
    const [group, { items, next }] = await Promise.all([
      this.groupsOf.of(key),
      this.groupsOf.deadLetters(key, { limit, after: place }),
    ]);
    return { items, next: next && cursorText([next.position, next.id]), group: group ?? null };
  }

  async note({ path, query, body, author }: Call<typeof ROUTES.note>) {
    const group = keyOf(query.consumer, path.fingerprint);
    const { note, removeNote = false, acknowledged } = body;
    if (note !== undefined && removeNote)
      throw invalidRequest([{ in: 'body', pointer: '/removeNote', message: 'contradicts note: give one' }]);
    if (note === undefined && !removeNote && acknowledged === undefined)
      throw invalidRequest([
        { in: 'body', pointer: '', message: 'changes nothing: give note, removeNote or acknowledged' },
      ]);
    await this.groupsOf.change(group, { note: removeNote ? null : note, acknowledged }, author);
    return { done: true };
  }
}

function keyOf(consumerName: string, fingerprint: string): FailureGroupKey {
  return { consumerName, fingerprint: fingerprint === NONE ? null : fingerprint };
}
