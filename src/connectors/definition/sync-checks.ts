import { isEventSchema } from '../../contracts/schemas/event-schema.js';
import type { Times } from '../../timing/timing.js';
import { intervalOf, problemsOfTiming } from '../../timing/timing-checks.js';
import { problemsOfUnknownNames } from '../../words/known-names.js';
import { isMapping } from './mapping.js';
import { isModel } from './model.js';
import {
  type ConnectorSyncOptions,
  type FoundSync,
  type InRecord,
  SYNC_DELETIONS,
  SYNC_MODES,
} from './sync.js';

type Given = Readonly<Record<string, unknown>>;

const KEY = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const DEFAULT_RUN_MS = 600_000;
const SHORTEST_RUN_MS = 1_000;
const LONGEST_RUN_MS = 86_400_000;

const OPTIONS = {
  key: true,
  model: true,
  mode: true,
  schedule: true,
  checkpoint: true,
  deletions: true,
  mapping: true,
  id: true,
  changedAt: true,
  records: true,
  events: true,
  maxRunMs: true,
} as const satisfies { readonly [K in keyof Required<ConnectorSyncOptions>]: true };

/** What is wrong with the options of `@ConnectorSync`, one sentence each. */
export function problemsOfSync(options: unknown, times: Times | undefined): string[] {
  const given = Object(options) as Given;
  const { key, model, mapping, maxRunMs } = given;
  const choice = (name: string, value: unknown, choices: readonly unknown[]) =>
    choices.includes(value) ? [] : [`${name} must be one of ${choices.join(', ')}`];
  const isRunTime =
    Number.isSafeInteger(maxRunMs) &&
    Number(maxRunMs) >= SHORTEST_RUN_MS &&
    Number(maxRunMs) <= LONGEST_RUN_MS;
  return [
    ...problemsOfUnknownNames(given, { known: Object.keys(OPTIONS), kind: 'an option of @ConnectorSync' }),
    ...(typeof key === 'string' && KEY.test(key)
      ? []
      : ['key must have 1 to 63 small letters, digits, "_" and "-", and begin with a letter or a digit']),
    ...(isModel(model) ? [] : ['model must be what defineModel returns']),
    ...choice('mode', given.mode, SYNC_MODES),
    ...choice('deletions', given.deletions, SYNC_DELETIONS),
    ...(given.records === undefined ? [] : choice('records', given.records, ['full', 'hash'])),
    ...(given.events === undefined ? [] : choice('events', given.events, ['full', 'thin'])),
    ...(given.checkpoint === undefined || isEventSchema(given.checkpoint)
      ? []
      : ['checkpoint must be a schema']),
    ...problemsOfMapping(mapping, model),
    ...['id', 'changedAt'].flatMap((name) => problemsOfPlace(name, given[name])),
    ...(maxRunMs === undefined || isRunTime
      ? []
      : [`maxRunMs must be a whole number from ${SHORTEST_RUN_MS} to ${LONGEST_RUN_MS}`]),
    ...problemsOfSchedule(given.schedule, times),
  ];
}

function problemsOfMapping(mapping: unknown, model: unknown): string[] {
  if (mapping === undefined) return [];
  if (!isMapping(mapping)) return ['mapping must be what defineMapping returns'];
  if (mapping.direction === 'out')
    return ['mapping goes out only, and a sync takes in: its direction must be both'];
  return mapping.to === model ? [] : ['mapping must lead to the model of the sync'];
}

function problemsOfPlace(name: string, place: unknown): string[] {
  const isRight =
    place === undefined || typeof place === 'function' || (typeof place === 'string' && place !== '');
  return isRight ? [] : [`${name} must be a name or a function`];
}

function problemsOfSchedule(schedule: unknown, times: Times | undefined): string[] {
  if (schedule === undefined) return [];
  if (typeof schedule !== 'object' || schedule === null)
    return ['schedule must be an object with cron or every'];
  const given = schedule as Given;
  const { exact } = given;
  return [
    ...problemsOfUnknownNames(given, {
      known: ['cron', 'every', 'timeZone', 'exact'],
      kind: 'a member of schedule',
      prefix: 'schedule.',
    }),
    ...problemsOfTiming(given, intervalOf(given.every), times).map((problem) => `schedule: ${problem}`),
    ...(exact === undefined || typeof exact === 'boolean' ? [] : ['schedule.exact must be true or false']),
  ];
}

/** A sync whose options were checked. */
export function syncFrom(
  options: ConnectorSyncOptions,
  place: string,
  run: (context: unknown) => unknown,
): FoundSync {
  const { key, model, mode, schedule, checkpoint, deletions, mapping } = options;
  const { id = 'id', changedAt, records = 'full', events = 'full', maxRunMs = DEFAULT_RUN_MS } = options;
  return {
    key,
    model,
    mode,
    schedule,
    checkpoint,
    deletions,
    mapping,
    place,
    records,
    events,
    maxRunMs,
    idOf: readerOf(id),
    changedAtOf: changedAt === undefined ? undefined : readerOf(changedAt),
    run,
  };
}

function readerOf(place: InRecord<unknown>): (record: unknown) => unknown {
  if (typeof place === 'function') return place as (record: unknown) => unknown;
  return (record) => {
    const own = Object(record) as Record<string, unknown>;
    return Object.hasOwn(own, place) ? own[place] : undefined;
  };
}
