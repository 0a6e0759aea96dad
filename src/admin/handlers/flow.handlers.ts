import { Injectable } from '@nestjs/common';
import { EVENT_TEXT_LIMITS } from '../../events/event-limits.js';
import { count, optional, text } from '../../rest/field.js';
import { MOST_LISTED } from '../../status/flow.service.js';
import { FlowMap } from '../answers/flow.js';
import { FlowLook } from '../look/flow.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';

const ROUTES = {
  map: route({
    method: 'GET',
    path: 'flow',
    action: 'consumers.read',
    about:
      'The way of events: from modules over the names of their newest events to the consumers, those with most trouble first. It is at most two seconds old.',
    query: {
      module: optional(
        text('Only what this module published, and who asks for it.', EVENT_TEXT_LIMITS.sourceModule),
      ),
      name: optional(
        text(
          'Only events with this name, and who asks for them. A trailing * matches the rest.',
          EVENT_TEXT_LIMITS.eventName,
        ),
      ),
      consumer: optional(text('Only this consumer, and what it asks for.', 127)),
      limit: optional(count('Number of names and of consumers, 30 by default.', 1, MOST_LISTED)),
    },
    answer: FlowMap,
  }),
};

@Injectable()
export class FlowHandlers implements Answering<typeof ROUTES, FlowHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly look: FlowLook) {}

  map({ query }: Call<typeof ROUTES.map>) {
    const { module: sourceModule, name: eventName, consumer: consumerName, limit } = query;
    return this.look.latest({ sourceModule, eventName, consumerName, limit });
  }
}
