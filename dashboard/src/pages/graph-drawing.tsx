import type { LinkGraph } from '../api/schemas.ts';
import { entityHref } from '../parts/links.tsx';
import { Scrolled } from '../parts/scrolled-text.tsx';
import { visible } from '../parts/text.tsx';

type Node = LinkGraph['nodes'][number];

const COLUMN = 250;
const ROW = 44;
const BOX = { width: 200, height: 32 };
const LONGEST = 26;

/** Entities in columns by their distance from the start, with a line for each link. */
export function GraphDrawing({ graph, start }: { graph: LinkGraph; start: Node }) {
  const columns = columnsOf(graph, start);
  const places = new Map<string, { x: number; y: number; node: Node }>();
  const tallest = Math.max(...columns.map(({ length }) => length));
  for (const [column, nodes] of columns.entries()) {
    const top = ((tallest - nodes.length) * ROW) / 2;
    for (const [row, node] of nodes.entries())
      places.set(keyOf(node), { x: column * COLUMN + 8, y: top + row * ROW + 8, node });
  }
  const width = (columns.length - 1) * COLUMN + BOX.width + 16;
  const height = tallest * ROW + 8;
  return (
    <Scrolled look="scroll-x graph-holder" label="Graph of the links">
      <svg class="graph" width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
        <title>Entities and the links between them. The list has the same.</title>
        {graph.edges.map((edge) => {
          const from = places.get(keyOf(sourceOf(edge)));
          const to = places.get(keyOf(targetOf(edge)));
          if (from === undefined || to === undefined) return null;
          return <path key={edge.id} class={`edge ${edge.linkType}`} d={curve(from, to)} />;
        })}
        {[...places.values()].map(({ x, y, node }) => (
          <a key={keyOf(node)} href={entityHref(node.entityType, node.entityId, node.module)}>
            <title>{visible(`${node.entityType} ${node.entityId} in ${node.module}`)}</title>
            <rect
              class={keyOf(node) === keyOf(start) ? 'node here' : 'node'}
              x={x}
              y={y}
              width={BOX.width}
              height={BOX.height}
              rx="4"
            />
            <text x={x + 10} y={y + 21}>
              {shortened(visible(`${node.entityType} ${node.entityId}`))}
            </text>
          </a>
        ))}
      </svg>
    </Scrolled>
  );
}

const keyOf = ({ module, entityType, entityId }: Node) => JSON.stringify([module, entityType, entityId]);

function sourceOf(edge: LinkGraph['edges'][number]): Node {
  return { module: edge.sourceModule, entityType: edge.sourceEntityType, entityId: edge.sourceEntityId };
}

function targetOf(edge: LinkGraph['edges'][number]): Node {
  return { module: edge.targetModule, entityType: edge.targetEntityType, entityId: edge.targetEntityId };
}

/** The nodes by the number of links between them and the start. */
function columnsOf({ nodes, edges }: LinkGraph, start: Node): Node[][] {
  const distances = new Map([[keyOf(start), 0]]);
  for (let distance = 1; distance <= 3; distance += 1) {
    for (const edge of edges) {
      const [a, b] = [keyOf(sourceOf(edge)), keyOf(targetOf(edge))];
      if (distances.get(a) === distance - 1 && !distances.has(b)) distances.set(b, distance);
      if (distances.get(b) === distance - 1 && !distances.has(a)) distances.set(a, distance);
    }
  }
  const known = nodes.some((node) => keyOf(node) === keyOf(start)) ? nodes : [start, ...nodes];
  const columns: Node[][] = [];
  for (const node of known) {
    const distance = distances.get(keyOf(node)) ?? 3;
    columns[distance] = [...(columns[distance] ?? []), node];
  }
  return columns.filter((column) => column !== undefined);
}

function curve(from: { x: number; y: number }, to: { x: number; y: number }): string {
  const middle = BOX.height / 2;
  if (from.x === to.x) {
    const x = from.x + BOX.width;
    return `M${x} ${from.y + middle}C${x + 36} ${from.y + middle} ${x + 36} ${to.y + middle} ${x} ${to.y + middle}`;
  }
  const [left, right] = from.x < to.x ? [from, to] : [to, from];
  const start = left.x + BOX.width;
  const bend = (right.x - start) / 2;
  return `M${start} ${left.y + middle}C${start + bend} ${left.y + middle} ${right.x - bend} ${right.y + middle} ${right.x} ${right.y + middle}`;
}

function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}
