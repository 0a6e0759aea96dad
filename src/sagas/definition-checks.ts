import { isEventSchema } from '../contracts/schemas/event-schema.js';
import { CALL_EVENTS } from '../module/call-maker.js';
import { problemsOfDefinition } from '../subscribers/subscriber-validation.js';
import { problemsOfUnknownNames } from '../words/known-names.js';
import { problemOfText } from '../words/text.js';
import type { SagaMethod } from './saga.decorators.js';
import { consumerOf } from './saga-definition.js';
import { FIRST_STEP, OTHERWISE, type SagaOptions, type SagaStepOptions } from './saga-options.js';

/** What is asked of an event's name: as long as the column of the history. */
const LONGEST_STEP = 127;
const LONGEST_TIMEOUT = 127;
/** A year, as for events that are put off. */
const LONGEST_WAIT_MS = 366 * 24 * 3_600_000;
const MAX_VERSION = 32_767;
/** The name of a saga is a part of names of events and of its consumer. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,99}$/i;

const SAGA_OPTIONS = {
  name: true,
  version: true,
  steps: true,
  state: true,
  upcast: true,
  concurrency: true,
  partitions: true,
  startFrom: true,
  timeoutMs: true,
  retry: true,
} as const satisfies { readonly [K in keyof Required<SagaOptions>]: true };
const START_OPTIONS = ['key'];
const STEP_OPTIONS = ['key', 'in', 'otherwise', 'waitMs'] as const satisfies (keyof SagaStepOptions)[];

type Given = Readonly<Record<string, unknown>>;

/** What is wrong with the options of a class, one sentence each. */
export function problemsOfSaga(options: SagaOptions): string[] {
  const given = Object(options) as Given;
  const { name, version, steps, state, upcast } = given;
  return [
    ...problemsOfUnknownNames(given, { known: Object.keys(SAGA_OPTIONS), kind: 'an option of @Saga' }),
    ...(typeof name === 'string' && NAME.test(name)
      ? []
      : ['name must have 1 to 100 letters, digits, ".", "_" and "-", and begin with a letter or a digit']),
    ...(version === undefined || isVersion(version)
      ? []
      : [`version must be a whole number from 1 to ${MAX_VERSION}`]),
    ...problemsOfSteps(steps),
    ...(state === undefined || isEventSchema(state)
      ? []
      : ['state must be a schema, as those of zod, valibot and arktype, or jsonSchema(…) or classSchema(…)']),
    ...problemsOfUpcasters(upcast, version ?? 1),
    ...problemsOfConsumer(given),
  ];
}

/** What is wrong with the decorator of a method, one sentence each. `steps` are those of its saga. */
export function problemsOfMethod(method: SagaMethod, steps: readonly string[]): string[] {
  if (method.kind === 'timeout') {
    const problem = problemOfText(method.name, LONGEST_TIMEOUT);
    return problem === undefined ? [] : [`the name of a timeout ${problem}`];
  }
  const given = Object(method.options) as Given;
  const known = method.kind === 'start' ? START_OPTIONS : STEP_OPTIONS;
  const kind = `an option of @Saga${method.kind === 'start' ? 'Start' : 'Step'}`;
  return [
    ...problemsOfUnknownNames(given, { known, kind }),
    ...(typeof given.key === 'function' || (given.key === undefined && isOfCalls(method))
      ? []
      : ['key must be a function that returns the key of the saga: (event) => event.aggregateId']),
    ...problemsOfEventNames(method.eventName),
    ...(method.kind === 'step' ? problemsOfStep(given, steps) : []),
  ];
}

/** Events of calls that a saga made know which saga it was. */
function isOfCalls({ kind, eventName }: Exclude<SagaMethod, { kind: 'timeout' }>): boolean {
  const names: readonly unknown[] = Array.isArray(eventName) ? eventName : [eventName];
  return kind === 'step' && names.every((name) => String(name).startsWith(CALL_EVENTS));
}

function problemsOfStep({ in: within, otherwise, waitMs }: Given, steps: readonly string[]): string[] {
  const named: readonly unknown[] = Array.isArray(within) ? within : within === undefined ? [] : [within];
  const strange = named.filter((each) => !steps.includes(each as string));
  return [
    ...(Array.isArray(within) && within.length === 0
      ? ['in is an empty list: leave it out for any step']
      : []),
    ...(strange.length === 0
      ? []
      : [
          `in names ${strange.map((each) => JSON.stringify(each)).join(', ')}; the steps are ${steps.join(', ')}`,
        ]),
    ...(otherwise === undefined || OTHERWISE.includes(otherwise as 'wait')
      ? []
      : [`otherwise must be one of ${OTHERWISE.join(', ')}`]),
    ...(waitMs === undefined ||
    (Number.isSafeInteger(waitMs) && Number(waitMs) >= 1 && Number(waitMs) <= LONGEST_WAIT_MS)
      ? []
      : [`waitMs must be a whole number from 1 to ${LONGEST_WAIT_MS} (a year)`]),
  ];
}

function problemsOfSteps(steps: unknown): string[] {
  if (steps === undefined) return [];
  if (!Array.isArray(steps)) return ['steps must be a list of names'];
  return steps.flatMap((step: unknown, i) => {
    const problem = problemOfText(step, LONGEST_STEP);
    if (problem !== undefined) return [`steps[${i}] ${problem}`];
    return steps.indexOf(step) < i ? [`steps has ${JSON.stringify(step)} twice`] : [];
  });
}

function problemsOfUpcasters(upcast: unknown, version: unknown): string[] {
  if (upcast === undefined) return [];
  if (typeof upcast !== 'object' || upcast === null) return ['upcast must be an object: { 1: (state) => … }'];
  return Object.entries(upcast)
    .filter(
      ([key, each]) =>
        !isVersion(Number(key)) || Number(key) >= Number(version) || typeof each !== 'function',
    )
    .map(([key]) => `upcast has under ${key} no function for a version before version ${String(version)}`);
}

/** The options that the engine knows are checked as those of every subscriber. */
function problemsOfConsumer({ concurrency, partitions, startFrom, timeoutMs, retry }: Given): string[] {
  return problemsOfSubscriber({ eventName: 'any', concurrency, partitions, startFrom, timeoutMs, retry });
}

function problemsOfEventNames(eventName: unknown): string[] {
  return problemsOfSubscriber({ eventName });
}

function problemsOfSubscriber(definition: Given): string[] {
  return problemsOfDefinition({ consumerName: consumerOf('any'), handler: () => {}, ...definition });
}

function isVersion(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_VERSION;
}

/** The steps that a saga may be in, also where its options are wrong. */
export function stepsOf({ steps }: SagaOptions): readonly string[] {
  const given: readonly unknown[] = Array.isArray(steps) ? steps : [];
  return [...new Set([FIRST_STEP, ...given.filter((step) => typeof step === 'string')])];
}
