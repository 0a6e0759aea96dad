import type { DiscoveryService } from '@nestjs/core';
import { isEventSchema } from '../contracts/schemas/event-schema.js';
import { problemsOfUnknownNames } from '../words/known-names.js';
import { type CallType, type ExternalCallTypeOptions, UNKNOWN_OUTCOMES } from './call-type.js';
import { callTypeOf } from './external-call-type.decorator.js';

/** A type is a part of names of events, of leases and of its consumer. */
const TYPE = /^[a-z0-9][a-z0-9._-]{0,59}$/i;
/** Ten years. */
const LONGEST_MS = 3_660 * 86_400_000;
const MOST_ATTEMPTS = 100;
const LONGEST_TIMEOUT_MS = 3_600_000;
const DEFAULTS = { deadlineMs: 86_400_000, maxAttempts: 5, timeoutMs: 30_000 };
const DEFAULT_POLLING = { firstMs: 2_000, maxMs: 60_000 };

const OPTIONS = {
  type: true,
  request: true,
  result: true,
  deadlineMs: true,
  poll: true,
  unknownOutcome: true,
  maxAttempts: true,
  timeoutMs: true,
} as const satisfies { readonly [K in keyof Required<ExternalCallTypeOptions>]: true };

type Given = Readonly<Record<string, unknown>>;
type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** The types of calls of an application, and what is wrong with them, one sentence each. */
export interface FoundTypes {
  readonly types: ReadonlyMap<string, CallType>;
  readonly problems: readonly string[];
}

/** Looks at all providers. What is wrong is told for all of them at once. */
export function exploreCallTypes(discovery: DiscoveryService): FoundTypes {
  const types = new Map<string, CallType>();
  const problems: string[] = [];
  for (const wrapper of [...discovery.getProviders(), ...discovery.getControllers()]) {
    // A test may have put another object in the place of the class, which stays its token.
    const options = wrapper.isAlias ? undefined : (callTypeOf(wrapper.metatype) ?? callTypeOf(wrapper.token));
    if (options === undefined) continue;
    const place = placeOf(wrapper);
    const found = problemsOf(options, wrapper);
    problems.push(...found.map((problem) => `${place}: ${problem}`));
    if (found.length > 0) continue;
    const other = types.get(options.type);
    if (other === undefined) types.set(options.type, typeFrom(options, wrapper, place));
    else
      problems.push(
        `there are two types of calls ${JSON.stringify(options.type)}: ${other.place} and ${place}`,
      );
  }
  return { types, problems };
}

function placeOf({ metatype, token, host }: Wrapper): string {
  const module = host?.metatype?.name;
  const name = metatype?.name ?? (typeof token === 'function' ? token.name : 'a class');
  return `${name}${module === undefined ? '' : ` (${module})`}`;
}

function problemsOf(options: ExternalCallTypeOptions, wrapper: Wrapper): string[] {
  const given = Object(options) as Given;
  const has = (method: string) => typeof wrapper.instance?.[method] === 'function';
  const { type, poll, unknownOutcome } = given;
  return [
    ...problemsOfUnknownNames(given, {
      known: Object.keys(OPTIONS),
      kind: 'an option of @ExternalCallType',
    }),
    ...(typeof type === 'string' && TYPE.test(type)
      ? []
      : ['type must have 1 to 60 letters, digits, ".", "_" and "-", and begin with a letter or a digit']),
    ...problemsOfNumbers(given),
    ...['request', 'result'].flatMap((name) =>
      given[name] === undefined || isEventSchema(given[name])
        ? []
        : [
            `${name} must be a schema, as those of zod, valibot and arktype, or jsonSchema(…) or classSchema(…)`,
          ],
    ),
    ...(wrapper.isDependencyTreeStatic()
      ? []
      : ['it is made anew for each request, and a type of calls needs one instance: take its scope away']),
    ...(has('start') ? [] : ['it has no method start(call, context)']),
    ...(poll === undefined || has('poll')
      ? []
      : ['it has the option poll, and no method poll(call, context)']),
    ...problemsOfOutcome(unknownOutcome, has('find')),
  ];
}

function problemsOfOutcome(unknownOutcome: unknown, canFind: boolean): string[] {
  if (unknownOutcome === undefined)
    return canFind
      ? []
      : [
          "say what is to become of a call that may have been taken or not: unknownOutcome: 'retry' if the other system knows the idempotency key, 'fail' if it does not, or a method find(call, context)",
        ];
  return (UNKNOWN_OUTCOMES as readonly unknown[]).includes(unknownOutcome)
    ? []
    : [`unknownOutcome must be one of ${UNKNOWN_OUTCOMES.join(', ')}`];
}

function problemsOfNumbers({ deadlineMs, maxAttempts, timeoutMs, poll }: Given): string[] {
  const problems = [
    problemOfNumber('deadlineMs', deadlineMs, LONGEST_MS),
    problemOfNumber('maxAttempts', maxAttempts, MOST_ATTEMPTS),
    problemOfNumber('timeoutMs', timeoutMs, LONGEST_TIMEOUT_MS),
  ];
  if (poll !== undefined) {
    const { firstMs, maxMs } = Object(poll) as Given;
    problems.push(
      problemOfNumber('poll.firstMs', firstMs ?? 0, LONGEST_MS),
      problemOfNumber('poll.maxMs', maxMs ?? 0, LONGEST_MS),
    );
    if (Number(maxMs) < Number(firstMs)) problems.push('poll.maxMs must not be below poll.firstMs');
  }
  return problems.filter((problem) => problem !== undefined);
}

/** Also for the deadline of one call. */
export function problemOfDeadline(value: unknown): string | undefined {
  return problemOfNumber('deadlineMs', value, LONGEST_MS);
}

function problemOfNumber(name: string, value: unknown, most: number): string | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= most))
    return undefined;
  return `${name} must be a whole number from 1 to ${most}`;
}

function typeFrom(options: ExternalCallTypeOptions, { instance }: Wrapper, place: string): CallType {
  const { type, request, result, poll = DEFAULT_POLLING } = options;
  return {
    type,
    place,
    handler: instance,
    request,
    result,
    deadlineMs: options.deadlineMs ?? DEFAULTS.deadlineMs,
    maxAttempts: options.maxAttempts ?? DEFAULTS.maxAttempts,
    timeoutMs: options.timeoutMs ?? DEFAULTS.timeoutMs,
    // It counts only for a type without `find`, which has to say it.
    unknownOutcome: options.unknownOutcome ?? 'retry',
    poll: typeof instance.poll === 'function' ? poll : undefined,
  };
}
