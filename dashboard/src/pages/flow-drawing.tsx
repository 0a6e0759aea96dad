import type { FlowMap } from '../api/schemas.ts';
import { count } from '../parts/number.ts';
import { Scrolled } from '../parts/scrolled-text.tsx';
import { visible } from '../parts/text.tsx';
import { type Place, to } from '../router/router.ts';

type Name = FlowMap['names'][number];
type Consumer = FlowMap['consumers'][number];

/** The columns: modules, names of events, consumers. */
const COLUMNS = [
  { x: 8, width: 160, longest: 19 },
  { x: 238, width: 250, longest: 30 },
  { x: 588, width: 270, longest: 33 },
] as const;
const WIDTH = 866;
const ROW = 52;
const BOX = 42;
const HEAD = 26;
const WIDEST = 12;
/** More lines than these cannot be told apart. Those from modules, to consumers in trouble and with most events are drawn. */
const MOST_LINES = 600;
/** The styles of lines that tell where something sticks. */
const TROUBLED = ['dead-letters', 'behind', 'paused'];

type Column = 0 | 1 | 2;

interface Box {
  readonly column: Column;
  readonly row: number;
  readonly text: string;
  readonly says: string;
  readonly style: string;
  readonly href: string;
  readonly isChosen: boolean;
}

interface Line {
  readonly from: Box;
  readonly to: Box;
  readonly perSecond: number;
  readonly style: string;
}

/** The way of events. A click on a box shows what is connected with it, and once more shows all. */
export function FlowDrawing({ map, place }: { map: FlowMap; place: Place }) {
  const { boxes, lines } = drawn(map, place);
  const height = HEAD + Math.max(...boxes.map(({ row }) => row + 1)) * ROW;
  const shown = [...lines].sort(byWeight).slice(0, MOST_LINES);
  const most = Math.max(0, ...shown.map(({ perSecond }) => perSecond));
  return (
    <>
      <Scrolled look="flow-holder" label="Map of the flow">
        <svg class="graph flow" width={WIDTH} height={height} viewBox={`0 0 ${WIDTH} ${height}`}>
          <title>Modules, names of events and consumers. The tables below have the same.</title>
          {['Modules', 'Names of events', 'Consumers'].map((head, column) => (
            <text key={head} class="head" x={COLUMNS[column as Column].x} y={16}>
              {head}
            </text>
          ))}
          {shown.map((line, index) => (
            <path
              key={index}
              class={`edge ${line.style}`}
              d={curve(line.from, line.to)}
              style={{ strokeWidth: `${widthOf(line.perSecond, most)}px` }}
            />
          ))}
          {boxes.map((box) => (
            <BoxLink key={`${box.column} ${box.row}`} box={box} />
          ))}
        </svg>
      </Scrolled>
      {lines.length > shown.length && (
        <p class="body muted small">
          {MOST_LINES} of {count(lines.length)} lines are drawn: those from modules, those to consumers in
          trouble, and the widest. The tables have all of them.
        </p>
      )}
    </>
  );
}

function BoxLink({ box }: { box: Box }) {
  const { column, text, says, style, href, isChosen } = box;
  const { x, width, longest } = COLUMNS[column];
  const y = topOf(box);
  return (
    <a href={href} aria-current={isChosen ? 'true' : undefined}>
      <title>{says === '' ? text : `${text}: ${says}`}</title>
      <rect class={`node ${style}${isChosen ? ' here' : ''}`} x={x} y={y} width={width} height={BOX} rx="4" />
      <text x={x + 10} y={says === '' ? y + 26 : y + 18}>
        {shortened(text, longest)}
      </text>
      {says !== '' && (
        <text class="says" x={x + 10} y={y + 34}>
          {shortened(says, Math.floor(longest * 1.15))}
        </text>
      )}
    </a>
  );
}

/** Boxes and lines. Names stand in the order of their modules, so that fewer lines cross. */
function drawn(map: FlowMap, place: Place): { boxes: Box[]; lines: Line[] } {
  const links = linksOf(place);
  const order = [...new Set(map.names.map(({ sourceModule }) => sourceModule))];
  const sorted = map.names
    .map((name, index) => ({ name, index }))
    .sort((a, b) => order.indexOf(a.name.sourceModule) - order.indexOf(b.name.sourceModule));
  const moduleBoxes = new Map(
    order.map((module) => {
      const rows = sorted.flatMap(({ name }, row) => (name.sourceModule === module ? [row] : []));
      return [module, boxOfModule(module, rows, links)];
    }),
  );
  const nameBoxes = new Map(sorted.map(({ name, index }, row) => [index, boxOfName(name, row, links)]));
  const restOfNames = map.moreNames && restBox(1, nameBoxes.size, map.moreNames.says, links);
  const consumerBoxes = map.consumers.map((consumer, row) => boxOfConsumer(consumer, row, links));
  const restOfConsumers =
    map.moreConsumers && restBox(2, consumerBoxes.length, map.moreConsumers.says, links);
  const lines: Line[] = [];
  const add = (from: Box | null | undefined, into: Box | null | undefined, perSecond: number, style = '') => {
    if (from && into) lines.push({ from, to: into, perSecond, style });
  };
  const reached = map.names.map(() => 0);
  for (const [row, consumer] of map.consumers.entries()) {
    const box = consumerBoxes[row];
    for (const index of consumer.from) {
      reached[index] = (reached[index] ?? 0) + 1;
      add(nameBoxes.get(index), box, map.names[index]?.perSecond ?? 0, consumer.state);
    }
    if (consumer.names > consumer.from.length) add(restOfNames, box, 0, 'rest');
  }
  for (const [index, name] of map.names.entries()) {
    const grey = name.consumers === 0 ? 'unasked' : '';
    add(moduleBoxes.get(name.sourceModule), nameBoxes.get(index), name.perSecond, grey);
    if (name.consumers > (reached[index] ?? 0)) add(nameBoxes.get(index), restOfConsumers, 0, 'rest');
  }
  const rests = [restOfNames, restOfConsumers].filter((box) => box !== null);
  return { boxes: [...moduleBoxes.values(), ...nameBoxes.values(), ...consumerBoxes, ...rests], lines };
}

/** It stands in the middle of its names. */
function boxOfModule(module: string, rows: readonly number[], links: Links): Box {
  return {
    column: 0,
    row: ((rows[0] ?? 0) + (rows.at(-1) ?? 0)) / 2,
    text: visible(module),
    says: '',
    style: '',
    ...links.of({ module }),
  };
}

function boxOfName({ sourceModule, eventName, consumers, says }: Name, row: number, links: Links): Box {
  return {
    column: 1,
    row,
    text: visible(eventName),
    says,
    style: consumers === 0 ? 'unasked' : '',
    ...links.of({ module: sourceModule, name: eventName }),
  };
}

function boxOfConsumer({ consumerName, state, says }: Consumer, row: number, links: Links): Box {
  return {
    column: 2,
    row,
    text: visible(consumerName),
    says,
    style: state,
    ...links.of({ consumer: consumerName }),
  };
}

/** What was left out. A click shows it. */
function restBox(column: Column, row: number, text: string, { all }: Links): Box {
  return { column, row, text, says: '', style: 'rest', href: all, isChosen: false };
}

/** The most that the map lists. */
const MOST_LISTED = 300;

/** Where a click leads: to the map of that box alone, or back if it is shown alone already. */
function linksOf({ path, query }: Place) {
  const now = Object.fromEntries(query);
  return {
    of: (chosen: Readonly<Record<string, string>>) => {
      const isChosen = Object.entries(chosen).every(([name, value]) => query.get(name) === value);
      const none = Object.fromEntries(Object.keys(chosen).map((name) => [name, undefined]));
      return { href: to(path, { ...now, ...(isChosen ? none : chosen) }), isChosen };
    },
    all: to(path, { ...now, limit: MOST_LISTED }),
  };
}
type Links = ReturnType<typeof linksOf>;

/** No name has more than one line from a module. Without these nobody would see where events come from. */
function byWeight(a: Line, b: Line): number {
  const rank = ({ from, style }: Line) => (from.column === 0 ? 2 : Number(TROUBLED.includes(style)));
  return rank(b) - rank(a) || b.perSecond - a.perSecond;
}

function topOf({ row }: Box): number {
  return HEAD + row * ROW;
}

function curve(from: Box, into: Box): string {
  const { x, width } = COLUMNS[from.column];
  const [left, right] = [x + width, COLUMNS[into.column].x];
  const [top, bottom] = [topOf(from) + BOX / 2, topOf(into) + BOX / 2];
  const middle = (left + right) / 2;
  return `M${left} ${top}C${middle} ${top} ${middle} ${bottom} ${right} ${bottom}`;
}

/** The area of a circle grows in this way too, so that what is slow beside what is fast can still be seen. */
function widthOf(perSecond: number, most: number): number {
  return most === 0 ? 1 : 1 + (WIDEST - 1) * Math.sqrt(perSecond / most);
}

function shortened(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}
