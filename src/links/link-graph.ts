import type { IntegrationLink, IntegrationLinkEnd } from './integration-link.js';

/** A link of a graph. */
export type LinkEdge = Omit<IntegrationLink, 'metadata' | 'updatedAt'>;

/** Entities and the links between them, found from one entity on. */
export interface LinkGraph {
  /** The first one is the entity that the search began with. At most 200. */
  nodes: IntegrationLinkEnd[];
  /** Links between these nodes. */
  edges: LinkEdge[];
  /**
   * Whether there is more than the bounds of depth and number allowed to show at the entities that were
   * looked at.
   */
  truncated: boolean;
}
