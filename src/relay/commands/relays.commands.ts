import type { Command } from '../../cli/command.js';
import { type Column, table } from '../../cli/table.js';
import { timeText } from '../../cli/texts.js';
import { WATCH_OPTION } from '../../cli/watch.js';
import { type Listed, type ListedRelay, type ListedSource, relayList } from '../list/relay-list.js';

/** Shows relays and sources, as all processes say it. */
const relaysListCommand: Command = {
  name: 'relays list',
  parameters: [],
  options: { ...WATCH_OPTION },
  summary: 'show relays and sources: who runs them, how fast they are, and the last refusal',
  async run({ withDatabase }) {
    const { at, relays, sources } = await withDatabase((db) => relayList(db));
    const tables = [
      ...(relays.length === 0 ? [] : [table(relays, RELAY_COLUMNS), ...refusals(relays)]),
      ...(sources.length === 0 ? [] : [table(sources, SOURCE_COLUMNS), ...rejections(sources)]),
    ];
    const text = tables.length === 0 ? 'There are no relays and no sources.' : tables.join('\n\n');
    return { ok: true, data: { at, relays, sources }, text };
  },
};

function ownColumns<Each extends Listed>(what: string): [Column<Each>, Column<Each>, Column<Each>] {
  return [
    { heading: what, cell: ({ name }) => name },
    { heading: 'BROKER', cell: ({ broker }) => broker ?? '-' },
    { heading: 'STATE', cell: stateText, cut: 2 },
  ];
}

/** Of who runs it, and where messages go or come from. */
function lastColumns<Each extends Listed>(addresses: (each: Each) => string): Column<Each>[] {
  return [
    { heading: 'RUN BY', cell: ({ processes }) => processes.map(processText).join(', '), cut: 3 },
    { heading: 'ADDRESSES', cell: addresses, cut: 1 },
  ];
}

const RELAY_COLUMNS: readonly Column<ListedRelay>[] = [
  ...ownColumns<ListedRelay>('RELAY'),
  { heading: 'ACCEPTED', cell: ({ acceptedPerSecond }) => rateText(acceptedPerSecond) },
  { heading: 'MEDIAN', cell: ({ latencyMedianSeconds }) => secondsText(latencyMedianSeconds) },
  { heading: 'P95', cell: ({ latencyP95Seconds }) => secondsText(latencyP95Seconds) },
  { heading: 'REFUSED', cell: ({ refusedPerSecond }) => rateText(refusedPerSecond) },
  { heading: 'LAST REFUSAL', cell: ({ lastRefusal }) => timeText(lastRefusal?.at ?? null) },
  ...lastColumns<ListedRelay>(({ eventNames, addresses }) =>
    [eventNames.join(', '), ...(addresses.length === 0 ? [] : [addresses.join(', ')])].join(' to '),
  ),
];

const SOURCE_COLUMNS: readonly Column<ListedSource>[] = [
  ...ownColumns<ListedSource>('SOURCE'),
  { heading: 'STORED', cell: ({ storedPerSecond }) => rateText(storedPerSecond) },
  { heading: 'REPEATED', cell: ({ repeatedPerSecond }) => rateText(repeatedPerSecond) },
  { heading: 'REJECTED', cell: ({ rejectedPerSecond }) => rateText(rejectedPerSecond) },
  { heading: 'LAST REJECTION', cell: ({ lastRejection }) => timeText(lastRejection?.at ?? null) },
  ...lastColumns<ListedSource>(({ addresses }) => addresses.join(', ')),
];

function refusals(relays: readonly ListedRelay[]): string[] {
  const refused = relays.flatMap(({ name, lastRefusal }) =>
    lastRefusal === null ? [] : [{ name, ...lastRefusal }],
  );
  if (refused.length === 0) return [];
  return [
    table(refused, [
      { heading: 'REFUSED OF', cell: ({ name }) => name },
      { heading: 'AT', cell: ({ at }) => timeText(at) },
      { heading: 'EVENT', cell: ({ eventId }) => eventId },
      { heading: 'NAME', cell: ({ eventName }) => eventName, cut: 2 },
      { heading: 'WHY', cell: ({ reason }) => reason, cut: 1 },
    ]),
  ];
}

function rejections(sources: readonly ListedSource[]): string[] {
  const rejected = sources.flatMap(({ name, lastRejection }) =>
    lastRejection === null ? [] : [{ name, ...lastRejection }],
  );
  if (rejected.length === 0) return [];
  return [
    table(rejected, [
      { heading: 'REJECTED OF', cell: ({ name }) => name },
      { heading: 'AT', cell: ({ at }) => timeText(at) },
      { heading: 'WHY', cell: ({ reason }) => reason, cut: 1 },
    ]),
  ];
}

function stateText({ state, since, reason }: Listed): string {
  const when = since === null ? '' : ` since ${timeText(since)}`;
  return `${state}${when}${reason === null ? '' : `: ${reason}`}`;
}

function processText({ host, pid }: Listed['processes'][number]): string {
  return host === null ? 'a process that is not listed' : `${host} (${pid})`;
}

/** `12.5/s` */
function rateText(perSecond: number | null): string {
  if (perSecond === null) return '-';
  return `${perSecond >= 100 ? Math.round(perSecond) : Number(perSecond.toFixed(2))}/s`;
}

/** `4 ms`, `1.2 s` */
function secondsText(seconds: number | null): string {
  if (seconds === null) return '-';
  return seconds < 1 ? `${Math.max(1, Math.round(seconds * 1_000))} ms` : `${Number(seconds.toFixed(1))} s`;
}

export const relaysCommands: readonly Command[] = [relaysListCommand];
