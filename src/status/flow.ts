import type { Counted } from '../rates/counted.js';
import { durationText } from '../words/duration-text.js';
import { countedText, wholeText } from '../words/number-text.js';

/** Which part of the map is wanted: what is connected with the things that are given. */
export interface FlowRequest {
  /** Only events that this module published. */
  readonly sourceModule?: string | undefined;
  /** Only events with this name. A trailing `*` matches the rest. */
  readonly eventName?: string | undefined;
  /** Only what this consumer asks for. */
  readonly consumerName?: string | undefined;
  /** How many names and how many consumers are listed, 30 by default. */
  readonly limit?: number | undefined;
}

export const FLOW_STATES = ['dead-letters', 'behind', 'paused', 'in-time'] as const;
/** The worst that is known of a consumer. It is behind if it is by more than a minute. */
export type FlowState = (typeof FLOW_STATES)[number];

/** An event name of one module. */
export interface FlowName {
  readonly sourceModule: string;
  readonly eventName: string;
  /** Events in the window. */
  readonly events: number;
  readonly perSecond: number;
  /** How many consumers ask for it. */
  readonly consumers: number;
  readonly says: string;
}

/** What one consumer gets, and how it stands. */
export interface FlowConsumer {
  readonly consumerName: string;
  /** The names that it asks for. A name may end with a star. */
  readonly eventNames: readonly string[];
  readonly state: FlowState;
  readonly deadLetters: Counted;
  /** How far it is behind. Null if nothing waits that it is known to ask for. */
  readonly lagSeconds: number | null;
  /** Events that it asks for, in a second of the window. */
  readonly perSecond: number;
  /** How many names of the map it asks for. */
  readonly names: number;
  /** Those of them that are listed: their places in `names` of the map, from 0 on. */
  readonly from: readonly number[];
  readonly says: string;
}

/** The events over which the rates of the map hold. */
export interface FlowWindow {
  readonly events: number;
  /** When the first of them was written. Null if there are none. */
  readonly from: Date | null;
  /** How long ago that was. */
  readonly seconds: number;
  readonly says: string;
}

/** What was left out of a list, in one line. */
export interface FlowRest {
  readonly count: number;
  readonly says: string;
}

/** Where events come from and who gets them: modules, names of events, and consumers. */
export interface FlowMap {
  readonly at: Date;
  readonly window: FlowWindow;
  /** The busiest names. */
  readonly names: readonly FlowName[];
  /** Null if all of them are listed. */
  readonly moreNames: FlowRest | null;
  /** Those with most trouble first, and then the busiest. */
  readonly consumers: readonly FlowConsumer[];
  /** Null if all of them are listed. */
  readonly moreConsumers: FlowRest | null;
}

/** Two digits that count. What is slow is said by the minute or by the hour. */
const SOME_DIGITS = new Intl.NumberFormat('en', { maximumSignificantDigits: 2, useGrouping: true });
const MINUTE = 60;
const HOUR = 3_600;

/** `40 a second`, `3 a minute`, `2 an hour`. */
export function rateText(perSecond: number): string {
  if (perSecond >= 0.5) return `${SOME_DIGITS.format(perSecond)} a second`;
  if (perSecond * MINUTE >= 0.5) return `${SOME_DIGITS.format(perSecond * MINUTE)} a minute`;
  if (perSecond * HOUR >= 0.5) return `${SOME_DIGITS.format(perSecond * HOUR)} an hour`;
  return 'fewer than 1 an hour';
}

export function windowText(events: number, seconds: number, isAll: boolean): string {
  if (events === 0) return 'The log has no events.';
  const which = isAll
    ? `the ${countedText(events, 'event')} of the log`
    : `the newest ${wholeText(events)} events`;
  return `Rates are those of ${which}, written in the last ${durationText(seconds * 1_000)}.`;
}

export function nameText(perSecond: number, consumers: number): string {
  const who = consumers === 0 ? 'nobody asks for it' : `for ${countedText(consumers, 'consumer')}`;
  return `${rateText(perSecond)}, ${who}`;
}

type Standing = Pick<FlowConsumer, 'deadLetters' | 'lagSeconds' | 'names' | 'perSecond'> & {
  readonly isPaused: boolean;
  readonly isBehind: boolean;
};

/** What is wrong with a consumer, the worst first, and how many events come to it. */
export function consumerText(standing: Standing): string {
  const { deadLetters, lagSeconds, isPaused, isBehind, names, perSecond } = standing;
  const wrong = [
    ...(deadLetters.count === 0 ? [] : [deadLettersText(deadLetters)]),
    ...(isPaused ? ['paused'] : []),
    ...(isBehind ? [`${durationText((lagSeconds ?? 0) * 1_000)} behind`] : []),
  ];
  const comes = names === 0 ? 'none of these events is for it' : rateText(perSecond);
  return [...(wrong.length === 0 ? ['in time'] : wrong), comes].join(', ');
}

function deadLettersText(deadLetters: Counted): string {
  if (deadLetters.atLeast) return `${wholeText(deadLetters.count)}+ dead letters`;
  return countedText(deadLetters.count, 'dead letter');
}

/** What the names that are not listed are, in one line. */
export function restOfNames(names: readonly FlowName[], isCutOff: boolean): FlowRest | null {
  if (names.length === 0) return null;
  const perSecond = names.reduce((sum, each) => sum + each.perSecond, 0);
  const unasked = names.filter(({ consumers }) => consumers === 0).length;
  const grey = unasked === 0 ? '' : `, nobody asks for ${wholeText(unasked)} of them`;
  const how = isCutOff ? 'at least ' : '';
  return {
    count: names.length,
    says: `${how}${countedText(names.length, 'more name')}, ${rateText(perSecond)}${grey}`,
  };
}

/** What the consumers that are not listed are: how many stand in which way. */
export function restOfConsumers(consumers: readonly FlowConsumer[]): FlowRest | null {
  if (consumers.length === 0) return null;
  const words: Readonly<Record<FlowState, string>> = {
    'dead-letters': 'with dead letters',
    behind: 'behind',
    paused: 'paused',
    'in-time': 'in time',
  };
  const counts = FLOW_STATES.flatMap((state) => {
    const count = consumers.filter((each) => each.state === state).length;
    return count === 0 ? [] : [`${wholeText(count)} ${words[state]}`];
  });
  return {
    count: consumers.length,
    says: `${countedText(consumers.length, 'more consumer')}: ${counts.join(', ')}`,
  };
}
