import type { Journey } from '../api/schemas.ts';
import { eventHref } from '../parts/links.tsx';
import { duration } from '../parts/number.ts';
import { Scrolled } from '../parts/scrolled-text.tsx';
import { wordOf } from '../parts/status.tsx';
import { visible } from '../parts/text.tsx';

type Event = Journey['events'][number];
type Delivery = Event['deliveries'][number];

/** The part of the picture with the names of the lanes does not move. */
const NAMES = 150;
const LONGEST_NAME = 20;
const MARK = 22;
const ROW = 28;
const TOP = 92;
/** Where the events are. */
const EVENTS = TOP - 34;
const LANE_GAP = 16;
const LEFT = 20;

interface Span {
  readonly delivery: Delivery;
  readonly event: Event;
  /** The number of the event, from 1 on. */
  readonly number: number;
  readonly from: number;
  readonly to: number;
  /** In which line of its lane it stands, so that it covers no other. */
  readonly line: number;
}

interface Lane {
  readonly name: string;
  readonly says: string;
  readonly spans: readonly Span[];
  readonly top: number;
  readonly lines: number;
}

/** Events from left to right as they were published, and below them a lane for each consumer. */
export function JourneyDrawing({ journey }: { journey: Journey }) {
  const scale = scaleOf(journey);
  const lanes = lanesOf(journey, scale);
  const height = lanes.reduce((sum, { lines }) => sum + lines * ROW + LANE_GAP, TOP);
  const width = scale.width + 3 * MARK;
  return (
    <div class="journey">
      <svg class="graph" width={NAMES} height={height} aria-hidden="true">
        <text x={8} y={TOP - 30}>
          Published
        </text>
        {lanes.map(({ name, top }) => (
          <text key={name} x={8} y={top + 19}>
            {shortened(visible(name))}
          </text>
        ))}
      </svg>
      <Scrolled look="scroll-x" label="Picture of the journey">
        <svg class="graph" width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
          <title>Events, and what became of them at each consumer. The list below has the same.</title>
          <defs>
            <marker
              id="arrow"
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="7"
              markerHeight="7"
              orient="auto"
            >
              <path class="arrow-head" d="M0 0L8 4L0 8z" />
            </marker>
          </defs>
          <Ticks scale={scale} />
          {lanes.map(({ name, top, lines }) => (
            <rect key={name} class="lane" x={0} y={top - 4} width={width} height={lines * ROW + 4} />
          ))}
          {/* An arrow passes behind the marks of other consumers. */}
          <Causes journey={journey} scale={scale} lanes={lanes} />
          {lanes.flatMap(({ name, top, spans }) =>
            spans.map((span) => (
              <SpanDrawing key={`${name} ${span.number}`} lane={name} top={top} span={span} scale={scale} />
            )),
          )}
          {journey.events.map((event, index) => (
            <EventMark key={event.outboxEventId} event={event} number={index + 1} x={scale.eventAt(index)} />
          ))}
        </svg>
      </Scrolled>
    </div>
  );
}

/** How long after the first event, where there is room for it. */
function Ticks({ scale }: { scale: Scale }) {
  let free = 0;
  return (
    <>
      {scale.moments.map(({ time, x }) => {
        if (x < free) return null;
        free = x + 70;
        return (
          <text key={time} class="tick" x={x} y={14}>
            +{duration((time - scale.first) / 1_000)}
          </text>
        );
      })}
    </>
  );
}

/**
 * An arrow to each event that a handler published: from the line of the consumer at that moment, or from the
 * event that was handled where the consumer is not known or has no lane.
 */
function Causes({ journey, scale, lanes }: { journey: Journey; scale: Scale; lanes: readonly Lane[] }) {
  const places = new Map(journey.events.map(({ outboxEventId }, index) => [outboxEventId, index]));
  const lines = new Map(
    lanes.flatMap(({ name, top, spans }) =>
      spans.map(({ event, line }) => [`${event.outboxEventId} ${name}`, lineAt(top, line)] as const),
    ),
  );
  return (
    <>
      {journey.events.map(({ causedBy, publishedBy, outboxEventId }, index) => {
        const cause = causedBy === null ? undefined : places.get(causedBy);
        if (cause === undefined) return null;
        const line = lines.get(`${causedBy} ${publishedBy}`);
        const to = scale.eventAt(index);
        return (
          <path
            key={outboxEventId}
            class="edge cause"
            d={line === undefined ? arc(scale.eventAt(cause), to) : `M${to} ${line}V${EVENTS + MARK / 2 + 2}`}
            marker-end="url(#arrow)"
          />
        );
      })}
    </>
  );
}

/** From one event over those between to another one. */
function arc(from: number, to: number): string {
  const y = EVENTS - MARK / 2;
  const rise = Math.min(34, 14 + Math.abs(to - from) / 20);
  return `M${from} ${y}C${from} ${y - rise} ${to} ${y - rise} ${to} ${y - 2}`;
}

/** Where a line of a lane is. */
const lineAt = (top: number, line: number) => top + line * ROW + MARK / 2;

function EventMark({ event, number, x }: { event: Event; number: number; x: number }) {
  const y = EVENTS;
  return (
    <a href={eventHref(event.outboxEventId)}>
      <title>{`${number}: ${visible(event.says)}`}</title>
      <circle class={`node ${event.status}`} cx={x} cy={y} r={MARK / 2} />
      <text class="number" x={x} y={y + 4}>
        {number}
      </text>
    </a>
  );
}

/** A line from the event to what became of it, with a bar for each attempt that failed or runs. */
function SpanDrawing({ lane, top, span, scale }: { lane: string; top: number; span: Span; scale: Scale }) {
  const { delivery, event, number, from, to, line } = span;
  const y = lineAt(top, line);
  const bars = [
    ...delivery.attempts.map(({ at, ms }) => ({
      begin: Date.parse(at),
      ms: ms ?? 0,
      style: 'failed-attempt',
    })),
    ...(delivery.runningSince === null
      ? []
      : [
          {
            begin: Date.parse(delivery.runningSince),
            ms: scale.last - Date.parse(delivery.runningSince),
            style: 'runs',
          },
        ]),
  ];
  return (
    <a href={eventHref(event.outboxEventId)}>
      <title>{`${number} at ${visible(lane)}: ${visible(delivery.says)}`}</title>
      <line class="edge" x1={from} y1={y} x2={to} y2={y} />
      {bars.map(({ begin, ms, style }) => {
        const x = scale.at(begin);
        return (
          <rect
            key={`${style} ${begin}`}
            class={`attempt ${style}`}
            x={x}
            y={y - 6}
            width={Math.max(5, scale.at(begin + ms) - x)}
            height={12}
            rx="2"
          />
        );
      })}
      <rect
        class={`node ${delivery.status}`}
        x={to - MARK / 2}
        y={y - MARK / 2}
        width={MARK}
        height={MARK}
        rx={delivery.status === 'processed' ? MARK / 2 : 3}
      />
      <text class="number" x={to} y={y + 4}>
        {number}
      </text>
    </a>
  );
}

/** What the marks of the picture look like, by what they say. */
export const JOURNEY_MARKS = (
  ['dead_letter', 'failed', 'processing', 'pending', 'skipped', 'processed'] as const
).map((status) => [status, wordOf(status)] as const);

type Scale = ReturnType<typeof scaleOf>;

/**
 * Places for times. Attempts take milliseconds and waits take hours, so what lies between two moments is
 * drawn by its logarithm: longer is wider, and all of it fits.
 */
function scaleOf({ events }: Journey) {
  const published = events.map(({ timestamp }) => Date.parse(timestamp));
  const of = events.flatMap(({ deliveries }) => deliveries.flatMap(timesOf));
  const times = [...new Set([...published, ...of])].sort((a, b) => a - b);
  const first = times[0] ?? 0;
  const last = times.at(-1) ?? first;
  const isPublished = new Set(published);
  let x = LEFT;
  const moments = times.map((time, index) => {
    const before = times[index - 1];
    // Two events must not cover each other, and several of one moment stand beside each other.
    const least = isPublished.has(time) ? MARK + 8 : 8;
    if (before !== undefined) x += Math.max(least, 10 + 22 * Math.log10(1 + time - before));
    const moment = { time, x };
    x += (published.filter((each) => each === time).length - 1) * (MARK + 8) * Number(isPublished.has(time));
    return moment;
  });
  const places = new Map(moments.map(({ time, x: place }) => [time, place]));
  const at = (time: number) => places.get(time) ?? LEFT;
  const eventAt = (index: number) => {
    const time = published[index] ?? first;
    const before = published.slice(0, index).filter((each) => each === time).length;
    return at(time) + before * (MARK + 8);
  };
  return { moments, first, last, width: x, at, eventAt };
}

function timesOf({ attempts, runningSince, doneAt }: Delivery): number[] {
  return [
    ...attempts.flatMap(({ at, ms }) => [Date.parse(at), Date.parse(at) + (ms ?? 0)]),
    ...(runningSince === null ? [] : [Date.parse(runningSince)]),
    ...(doneAt === null ? [] : [Date.parse(doneAt)]),
  ];
}

function lanesOf(journey: Journey, scale: Scale): Lane[] {
  let top = TOP;
  return journey.lanes.map(({ consumerName, says }) => {
    const ends: number[] = [];
    const spans = journey.events.flatMap((event, index) => {
      const delivery = event.deliveries.find((each) => each.consumerName === consumerName);
      if (delivery === undefined) return [];
      const from = scale.eventAt(index);
      const published = journey.events.flatMap(({ causedBy, publishedBy }, place) =>
        causedBy === event.outboxEventId && publishedBy === consumerName ? scale.eventAt(place) : [],
      );
      const last = Math.max(from, ...published, ...timesOf(delivery).map(scale.at));
      // The mark stands behind the last bar, and behind what the handler published. What else was done at
      // once stands below its event.
      const to = last === from ? from : last + MARK;
      const free = ends.findIndex((end) => end < from - MARK / 2 - 2);
      const line = free < 0 ? ends.length : free;
      ends[line] = to + MARK / 2;
      return [{ delivery, event, number: index + 1, from, to, line }];
    });
    const lane = { name: consumerName, says, spans, top, lines: Math.max(1, ends.length) };
    top += lane.lines * ROW + LANE_GAP;
    return lane;
  });
}

function shortened(text: string): string {
  return text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME - 1)}…` : text;
}
