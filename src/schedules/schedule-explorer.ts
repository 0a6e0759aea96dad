import type { DiscoveryService, ModuleRef } from '@nestjs/core';
import { callerOf, placeOf, providerMethods } from '../subscribers/provider-methods.js';
import { problemsOfDefinition } from '../subscribers/subscriber-validation.js';
import type { Times } from '../timing/timing.js';
import { checkDefinition, problemOfScheduleName, TIMING_FIELDS } from './definition.js';
import { type IntegrationScheduleOptions, scheduleOptionsOf } from './integration-schedule.decorator.js';
import { consumerOf, eventNameOf } from './schedule.js';
import type { WantedSchedule } from './schedule-changes.js';

const CONSUMER_FIELDS = ['transactional', 'retry', 'timeoutMs'] as const;
const KNOWN = {
  known: ['name', ...TIMING_FIELDS, ...CONSUMER_FIELDS],
  kind: 'an option of @IntegrationSchedule',
};

type Handler = (...given: unknown[]) => unknown;

/** A schedule of the code, with its method. */
export interface FoundSchedule extends WantedSchedule {
  readonly place: string;
  readonly handler: Handler;
  readonly options: IntegrationScheduleOptions;
}

/** The schedules of an application, and what is wrong with them, one sentence each. */
export interface FoundSchedules {
  readonly schedules: readonly FoundSchedule[];
  readonly problems: readonly string[];
}

/** Looks at all providers. What is wrong is told for all of them at once. */
export function exploreSchedules(
  discovery: DiscoveryService,
  modules: ModuleRef,
  times: Times,
): FoundSchedules {
  const found = new Map<string, FoundSchedule>();
  const problems: string[] = [];
  for (const method of providerMethods(discovery, (each) => scheduleOptionsOf(each).length > 0)) {
    const place = placeOf(method);
    for (const options of scheduleOptionsOf(method.holder[method.name])) {
      const given = Object(options) as IntegrationScheduleOptions;
      const { name } = given;
      const nameProblem = problemOfScheduleName(name);
      const checked = checkDefinition(String(name), given, times, KNOWN);
      const wrong = [
        ...(nameProblem === undefined ? [] : [nameProblem]),
        ...checked.problems,
        ...problemsOfConsumer(given),
      ];
      problems.push(...wrong.map((problem) => `${place}: ${problem}`));
      if (wrong.length > 0 || checked.schedule === undefined) continue;
      const other = found.get(name);
      if (other !== undefined)
        problems.push(`there are two schedules ${JSON.stringify(name)}: ${other.place} and ${place}`);
      else
        found.set(name, {
          name,
          schedule: checked.schedule,
          place,
          handler: callerOf(method, modules),
          options: given,
        });
    }
  }
  return { schedules: [...found.values()], problems };
}

/** What the engine takes of a schedule: its consumer. */
export function subscriptionOf({ name, handler, options }: FoundSchedule) {
  const { transactional, retry, timeoutMs } = options;
  return {
    consumerName: consumerOf(name),
    eventName: eventNameOf(name),
    handler,
    transactional,
    retry,
    timeoutMs,
  };
}

/** The options that the engine knows are checked as those of every subscriber. */
function problemsOfConsumer({ transactional, retry, timeoutMs }: IntegrationScheduleOptions): string[] {
  const any = { consumerName: 'any', eventName: 'any', handler: () => {} };
  return problemsOfDefinition({ ...any, transactional, retry, timeoutMs });
}
