import { FLAG, list, named, object, oneOf, pageOf, TEXT, TIME, UUID } from '../../rest/schema.js';
import { EventWithStatus } from './events.js';

/** The events of an entity. */
export const TimelinePage = named('TimelinePage', pageOf(EventWithStatus));

export const LinkGraph = named(
  'LinkGraph',
  object({
    nodes: list(object({ module: TEXT, entityType: TEXT, entityId: TEXT })),
    edges: list(
      object({
        id: UUID,
        sourceModule: TEXT,
        sourceEntityType: TEXT,
        sourceEntityId: TEXT,
        targetModule: TEXT,
        targetEntityType: TEXT,
        targetEntityId: TEXT,
        linkType: oneOf(['reference', 'cascade', 'aggregate_root']),
        createdAt: TIME,
      }),
    ),
    truncated: FLAG,
  }),
);
