import type { AdminDatabase } from '../database/admin-database.js';
import { EVENT_TEXT_LIMITS } from '../events/event-limits.js';
import { EventNames } from '../log/event-names.js';
import { COUNTED_TO } from '../rates/counted.js';
import { checkCount, checkNames, checkText } from '../words/argument-checks.js';
import { BEHIND_SECONDS } from './catch-up.js';
import { type CursorStatus, CursorStatusStore } from './cursor-status.store.js';
import {
  consumerText,
  FLOW_STATES,
  type FlowConsumer,
  type FlowMap,
  type FlowName,
  type FlowRequest,
  type FlowState,
  nameText,
  restOfConsumers,
  restOfNames,
  windowText,
} from './flow.js';
import { FlowStore, type PublishedName } from './flow.store.js';

const LONGEST_CONSUMER_NAME = 127;
/** Rates are those of this many events. They are few enough to be read every two seconds. */
const LATEST_EVENTS = 10_000;
/** A publisher that makes up names could have very many. */
const MOST_NAMES = 1_000;
const DEFAULT_LISTED = 30;
/** Each consumer says which of the listed names it asks for, so an answer grows with the square of this. */
export const MOST_LISTED = 300;

/** Draws the way of events: from modules over their names to the consumers. */
export class FlowService {
  private readonly store: FlowStore;
  private readonly cursors: CursorStatusStore;

  constructor(db: AdminDatabase) {
    this.store = new FlowStore(db);
    this.cursors = new CursorStatusStore(db);
  }

  /**
   * Returns the busiest names of the newest events with their modules, and the consumers, those with most
   * trouble first. With a module, a name or a consumer it returns only what is connected with it.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid request
   */
  async map(request: FlowRequest = {}): Promise<FlowMap> {
    const limit = checked(request);
    const { sourceModule, eventName, consumerName } = request;
    // All of them: a name says how many ask for it, also on the map of one consumer.
    const asking = askingOf(await this.cursors.cursorStatuses());
    const shown = asking.filter((each) => consumerName === undefined || each.consumerName === consumerName);
    const askedFor = consumerName === undefined ? undefined : (shown[0]?.asked.list ?? []);
    const latest = await this.store.latestNames(LATEST_EVENTS, MOST_NAMES, {
      sourceModule,
      eventNames: eventName === undefined ? undefined : [eventName],
      askedFor,
    });
    // Events of one moment have no rate, so they count as those of a second.
    const seconds = Math.max(1, latest.seconds);
    const names = latest.names.map((name) => nameOf(name, seconds, asking));
    const isPart = sourceModule !== undefined || eventName !== undefined;
    const consumers = shown
      .map((each) => consumerOf(each, names, limit))
      // The others have nothing to do with what was asked for.
      .filter((each) => !isPart || each.names > 0 || consumerName !== undefined)
      .sort(byTrouble);
    return {
      at: new Date(),
      window: {
        events: latest.events,
        from: latest.from,
        seconds: latest.seconds,
        says: windowText(latest.events, latest.seconds, latest.events < LATEST_EVENTS),
      },
      names: names.slice(0, limit),
      moreNames: restOfNames(names.slice(limit), latest.hasMore),
      consumers: consumers.slice(0, limit),
      moreConsumers: restOfConsumers(consumers.slice(limit)),
    };
  }
}

function checked(request: FlowRequest): number {
  checkNames('a field of a request', request, ['sourceModule', 'eventName', 'consumerName', 'limit']);
  checkText('sourceModule', request.sourceModule, EVENT_TEXT_LIMITS.sourceModule);
  checkText('eventName', request.eventName, EVENT_TEXT_LIMITS.eventName);
  checkText('consumerName', request.consumerName, LONGEST_CONSUMER_NAME);
  return checkCount('limit', request.limit ?? DEFAULT_LISTED, MOST_LISTED);
}

/** A consumer with what it asks for. */
interface Asking {
  readonly consumerName: string;
  readonly asked: EventNames;
  readonly partitions: readonly CursorStatus[];
}

function askingOf(statuses: readonly CursorStatus[]): Asking[] {
  const partitions = new Map<string, CursorStatus[]>();
  for (const status of statuses) {
    const known = partitions.get(status.consumerName);
    if (known === undefined) partitions.set(status.consumerName, [status]);
    else known.push(status);
  }
  return [...partitions].map(([consumerName, own]) => ({
    consumerName,
    asked: new EventNames(own[0]?.eventNames ?? []),
    partitions: own,
  }));
}

function nameOf(name: PublishedName, seconds: number, asking: readonly Asking[]): FlowName {
  const perSecond = name.events / seconds;
  const consumers = asking.filter(({ asked }) => asked.match(name.eventName)).length;
  return { ...name, perSecond, consumers, says: nameText(perSecond, consumers) };
}

function consumerOf(
  { consumerName, asked, partitions }: Asking,
  all: readonly FlowName[],
  listed: number,
): FlowConsumer {
  const places = all.flatMap(({ eventName }, place) => (asked.match(eventName) ? [place] : []));
  const isPaused = partitions.some(({ paused }) => paused);
  // Where a consumer asks for none of the events that were looked at, its lag is only a bound.
  const lags = partitions.flatMap(({ lagSeconds, lagIsAtMost }) => (lagIsAtMost ? [] : (lagSeconds ?? [])));
  const lagSeconds = lags.length === 0 ? null : Math.max(...lags);
  const found = partitions.reduce((sum, each) => sum + each.deadLetters, 0);
  const deadLetters = {
    count: Math.min(COUNTED_TO, found),
    atLeast: partitions.some(({ deadLettersAtLeast }) => deadLettersAtLeast),
  };
  const isBehind = lagSeconds !== null && lagSeconds > BEHIND_SECONDS;
  const state = stateOf(deadLetters.count > 0, isPaused, isBehind);
  const perSecond = places.reduce((sum, place) => sum + (all[place]?.perSecond ?? 0), 0);
  const names = places.length;
  return {
    consumerName,
    eventNames: asked.list,
    state,
    deadLetters,
    lagSeconds,
    perSecond,
    names,
    from: places.filter((place) => place < listed),
    says: consumerText({ deadLetters, lagSeconds, perSecond, names, isPaused, isBehind }),
  };
}

/** A consumer that is paused is behind because of that. */
function stateOf(hasDeadLetters: boolean, isPaused: boolean, isBehind: boolean): FlowState {
  if (hasDeadLetters) return 'dead-letters';
  if (isPaused) return 'paused';
  return isBehind ? 'behind' : 'in-time';
}

function byTrouble(a: FlowConsumer, b: FlowConsumer): number {
  return (
    FLOW_STATES.indexOf(a.state) - FLOW_STATES.indexOf(b.state) ||
    b.deadLetters.count - a.deadLetters.count ||
    (b.lagSeconds ?? 0) - (a.lagSeconds ?? 0) ||
    b.perSecond - a.perSecond ||
    (a.consumerName < b.consumerName ? -1 : 1)
  );
}
