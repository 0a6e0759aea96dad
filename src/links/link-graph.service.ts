import { Injectable } from '@nestjs/common';
import { checkCount, checkNames } from '../words/argument-checks.js';
import type { IntegrationLinkEnd } from './integration-link.js';
import type { LinkEdge, LinkGraph } from './link-graph.js';
import { LinkGraphStore } from './link-graph.store.js';
import { validateLinkEnd } from './link-validation.js';

/** How far and how much a graph shows at most. */
export const DEEPEST_GRAPH = 3;
const MOST_NODES = 200;
const MOST_EDGES_A_STEP = 1_000;

/** Looks at the links around an entity, in bounded time however many there are. */
@Injectable()
export class LinkGraphService {
  constructor(private readonly store: LinkGraphStore) {}

  /**
   * The entities that are at most `depth` links away (1 to 3, 1 by default), in either direction, and the
   * links between them.
   *
   * @throws IntegrationError INTEGRATION_LINK_INVALID for an entity that no link can have,
   * INTEGRATION_ADMIN_INVALID for another depth
   */
  async around(start: IntegrationLinkEnd, options: { depth?: number | undefined } = {}): Promise<LinkGraph> {
    validateLinkEnd(start);
    checkNames('an option of the graph', options, ['depth']);
    const depth = checkCount('depth', options.depth ?? 1, DEEPEST_GRAPH);
    const nodes = new Map([[keyOf(start), start]]);
    const edges = new Map<string, LinkEdge>();
    let truncated = false;
    let border: readonly IntegrationLinkEnd[] = [start];
    for (let step = 0; step < depth && border.length > 0; step++) {
      const found = await this.store.findAround(border, MOST_EDGES_A_STEP + 1);
      if (found.length > MOST_EDGES_A_STEP) truncated = true;
      const reached: IntegrationLinkEnd[] = [];
      for (const edge of found) {
        const unknown = endsOf(edge).filter((end) => !nodes.has(keyOf(end)));
        if (nodes.size + unknown.length > MOST_NODES) {
          truncated = true;
          continue;
        }
        for (const end of unknown) nodes.set(keyOf(end), end);
        reached.push(...unknown);
        edges.set(edge.id, edge);
      }
      border = reached;
    }
    return { nodes: [...nodes.values()], edges: [...edges.values()], truncated };
  }
}

function endsOf(edge: LinkEdge): [IntegrationLinkEnd, IntegrationLinkEnd] {
  return [
    { module: edge.sourceModule, entityType: edge.sourceEntityType, entityId: edge.sourceEntityId },
    { module: edge.targetModule, entityType: edge.targetEntityType, entityId: edge.targetEntityId },
  ];
}

function keyOf({ module, entityType, entityId }: IntegrationLinkEnd): string {
  return JSON.stringify([module, entityType, entityId]);
}
