import { Injectable } from '@nestjs/common';
import { EVENT_TEXT_LIMITS } from '../../events/event-limits.js';
import { DEEPEST_GRAPH, LinkGraphService } from '../../links/link-graph.service.js';
import { EventLookService } from '../../log/event-look.service.js';
import { count, optional, position, text } from '../../rest/field.js';
import { limit } from '../../rest/route.js';
import { JourneyService } from '../../status/journey.service.js';
import type { ExplainedReport } from '../../status/why-not-yet.service.js';
import { LinkGraph, TimelinePage } from '../answers/entities.js';
import { Journey } from '../answers/journey.js';
import { cursor, cursorText } from '../input/cursor.js';
import { Deliveries } from '../look/deliveries.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';

const pathFields = {
  type: text('The type of the entity: the type of an aggregate.', EVENT_TEXT_LIMITS.aggregateType),
  id: text('The id of the entity.', EVENT_TEXT_LIMITS.aggregateId),
};
const target = (entity: { readonly type: string; readonly id: string }) => ({ entity });

const ROUTES = {
  timeline: route({
    method: 'GET',
    path: 'entities/:type/:id/timeline',
    action: 'entities.read',
    about: 'The events of one entity, the newest first, each with what the consumers have done with it.',
    pathFields,
    target,
    query: {
      limit,
      after: optional(cursor(['position'])),
      below: optional(position('Only events before this position. It goes without after.')),
    },
    answer: TimelinePage,
  }),
  journey: route({
    method: 'GET',
    path: 'entities/:type/:id/journey',
    action: 'entities.read',
    about:
      'The newest 100 events of one entity on their way through the consumers: what became of each, and by which attempts. It has at most 30 consumers, those where something is wrong or open first.',
    pathFields,
    target,
    query: { below: optional(position('Only events before this position.')) },
    answer: Journey,
  }),
  graph: route({
    method: 'GET',
    path: 'entities/:type/:id/graph',
    action: 'entities.read',
    about: 'The entities that are linked with this one, directly or by others, and the links between them.',
    pathFields,
    target,
    query: {
      module: text('The module that the entity belongs to.', EVENT_TEXT_LIMITS.sourceModule),
      depth: optional(count('How many links away, 1 by default.', 1, DEEPEST_GRAPH)),
    },
    answer: LinkGraph,
  }),
};

@Injectable()
export class EntitiesHandlers implements Answering<typeof ROUTES, EntitiesHandlers> {
  static readonly routes = ROUTES;

  constructor(
    private readonly look: EventLookService,
    private readonly deliveries: Deliveries,
    private readonly links: LinkGraphService,
    private readonly journeys: JourneyService,
  ) {}

  async timeline({ path, query }: Call<typeof ROUTES.timeline>) {
    const { limit, below, after: [before = below] = [] } = query;
    const filter = { aggregateType: path.type, aggregateId: path.id };
    const { items, next } = await this.look.search(filter, { limit, before });
    const reports = await this.deliveries.reportsOf(items);
    return {
      // There is one for each event, in the same order.
      items: items.map((event, index) => ({ ...event, ...(reports[index] as ExplainedReport) })),
      next: next === null ? null : cursorText([next]),
    };
  }

  journey({ path, query }: Call<typeof ROUTES.journey>) {
    return this.journeys.ofEntity(path.type, path.id, query.below);
  }

  graph({ path, query }: Call<typeof ROUTES.graph>) {
    const start = { module: query.module, entityType: path.type, entityId: path.id };
    return this.links.around(start, { depth: query.depth });
  }
}
