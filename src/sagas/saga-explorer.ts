import type { DiscoveryService, ModuleRef } from '@nestjs/core';
import type { DomainEvent } from '../events/domain-event.js';
import { callerOf as callerOfCall } from '../module/call-maker.js';
import { callerOf, type ProviderMethod, placeOf, providerMethods } from '../subscribers/provider-methods.js';
import { problemsOfMethod, problemsOfSaga, stepsOf } from './definition-checks.js';
import { type SagaMethod, sagaMethodsOf, sagaOptionsOf } from './saga.decorators.js';
import type {
  HandlersOfName,
  SagaCall,
  SagaDefinition,
  StartHandler,
  StepHandler,
} from './saga-definition.js';
import type { SagaOptions } from './saga-options.js';

const DEFAULT_CONCURRENCY = 5;
const DEFAULT_WAIT_MS = 24 * 3_600_000;

/** The sagas of an application, and what is wrong with them, one sentence each. */
export interface FoundSagas {
  readonly sagas: readonly SagaDefinition[];
  readonly problems: readonly string[];
}

/** A decorated method, and one of its decorators. */
type Decorated = SagaCall & { readonly says: SagaMethod };

/** A class with `@Saga`, or with methods of one. */
interface SagaClass {
  readonly name: string;
  readonly options: SagaOptions | undefined;
  readonly methods: Decorated[];
}

/** Looks at all providers. What is wrong is told for all of them at once. */
export function exploreSagas(discovery: DiscoveryService, modules: ModuleRef): FoundSagas {
  const classes = classesOf(discovery, modules);
  const problems: string[] = [];
  const sagas = classes.flatMap((each) => {
    const found = problemsOfClass(each);
    problems.push(...found.map((problem) => `${each.name}: ${problem}`));
    return found.length > 0 || each.options === undefined ? [] : [definitionOf(each, each.options)];
  });
  return { sagas, problems: [...problems, ...problemsOfNames(classes)] };
}

function classesOf(discovery: DiscoveryService, modules: ModuleRef): SagaClass[] {
  const found = new Map<unknown, SagaClass>();
  for (const { metatype, isAlias } of [...discovery.getProviders(), ...discovery.getControllers()]) {
    const options = isAlias ? undefined : sagaOptionsOf(metatype);
    // Two providers of one class are two sagas of one name, which is a problem.
    if (options !== undefined) {
      const key = found.has(metatype) ? Symbol(metatype?.name) : metatype;
      found.set(key, { name: metatype?.name ?? 'a class', options, methods: [] });
    }
  }
  for (const method of providerMethods(discovery, (each) => sagaMethodsOf(each).length > 0)) {
    const type: unknown = method.holder.constructor;
    const known = found.get(type) ?? { name: nameOf(type), options: sagaOptionsOf(type), methods: [] };
    found.set(type, known);
    known.methods.push(...decoratedOf(method, modules));
  }
  return [...found.values()];
}

function decoratedOf(method: ProviderMethod, modules: ModuleRef): Decorated[] {
  const call = callerOf(method, modules);
  const place = placeOf(method);
  return sagaMethodsOf(method.holder[method.name]).map((says) => ({ call, place, says }));
}

function nameOf(type: unknown): string {
  return typeof type === 'function' ? type.name : 'a provider';
}

function problemsOfClass({ options, methods }: SagaClass): string[] {
  if (options === undefined) return ['it has methods of a saga, and no @Saga({ name: … }) above the class'];
  const steps = stepsOf(options);
  return [
    ...problemsOfSaga(options),
    ...methods.flatMap(({ place, says }) =>
      problemsOfMethod(says, steps).map((problem) => `${place}: ${problem}`),
    ),
    ...(methods.some(({ says }) => says.kind === 'start')
      ? []
      : ['it has no @SagaStart, so it can never begin']),
    ...problemsOfTimeouts(methods),
    ...problemsOfStarts(methods),
    ...problemsOfSteps(methods),
  ];
}

function problemsOfTimeouts(methods: readonly Decorated[]): string[] {
  const names = methods.flatMap(({ says }) => (says.kind === 'timeout' ? [says.name] : []));
  return repeated(names).map((name) => `the timeout ${JSON.stringify(name)} has two methods`);
}

function problemsOfStarts(methods: readonly Decorated[]): string[] {
  const names = methods.flatMap(({ says }) => (says.kind === 'start' ? namesOf(says.eventName) : []));
  return repeated(names).map((name) => `two methods begin the saga with ${JSON.stringify(name)}`);
}

function problemsOfSteps(methods: readonly Decorated[]): string[] {
  const taken = methods.flatMap(({ says }) =>
    says.kind === 'step'
      ? namesOf(says.eventName).flatMap((name) =>
          stepsIn(says.options?.in).map((step) => JSON.stringify([name, step])),
        )
      : [],
  );
  const open = new Set(
    taken
      .map((each) => JSON.parse(each) as [string, string])
      .flatMap(([name, step]) => (step === ANY ? [name] : [])),
  );
  const doubled = repeated(taken).map((each) => JSON.parse(each as string) as [string, string]);
  const covered = taken
    .map((each) => JSON.parse(each) as [string, string])
    .filter(([name, step]) => step !== ANY && open.has(name));
  return [...doubled, ...covered].map(
    ([name, step]) =>
      `two methods handle ${JSON.stringify(name)} in ${step === ANY ? 'any step' : `the step ${JSON.stringify(step)}`}`,
  );
}

/** Stands for any step. No step has this name, because it is empty. */
const ANY = '';

function stepsIn(within: unknown): string[] {
  if (within === undefined) return [ANY];
  return namesOf(within);
}

function namesOf(given: unknown): string[] {
  const all: readonly unknown[] = Array.isArray(given) ? given : [given];
  return all.filter((each) => typeof each === 'string');
}

function repeated(all: readonly unknown[]): unknown[] {
  return [...new Set(all.filter((each, i) => all.indexOf(each) < i))];
}

function problemsOfNames(classes: readonly SagaClass[]): string[] {
  const names = classes.flatMap(({ options }) => options?.name ?? []);
  return repeated(names).map((name) => {
    const of = classes.filter(({ options }) => options?.name === name);
    return `there are two sagas ${JSON.stringify(name)}: ${of.map((each) => each.name).join(' and ')}`;
  });
}

function definitionOf({ name: place, methods }: SagaClass, options: SagaOptions): SagaDefinition {
  const { name, version = 1, state, upcast = {}, partitions, startFrom, timeoutMs, retry } = options;
  const { concurrency = DEFAULT_CONCURRENCY } = options;
  const names = [
    ...new Set(methods.flatMap(({ says }) => ('eventName' in says ? namesOf(says.eventName) : []))),
  ];
  return {
    name,
    place,
    steps: stepsOf(options),
    state: { version, schema: state, upcast: upcast as SagaDefinition['state']['upcast'] },
    names: names.map((eventName) => handlersOf(name, eventName, methods)),
    timeouts: new Map(
      methods.flatMap(({ call, place, says }) =>
        says.kind === 'timeout' ? [[String(says.name), { call, place }] as const] : [],
      ),
    ),
    consumer: { concurrency, partitions, startFrom, timeoutMs, retry },
  };
}

/** Events of calls know the saga that made the call. Those of others are for no saga. */
function keyOfCaller(saga: string) {
  return ({ payload }: DomainEvent): string | undefined => {
    const caller = callerOfCall(payload);
    return caller?.saga === saga ? caller.key : undefined;
  };
}

function handlersOf(saga: string, eventName: string, methods: readonly Decorated[]): HandlersOfName {
  const starts: StartHandler[] = [];
  const steps: StepHandler[] = [];
  for (const { call, place, says } of methods) {
    if (says.kind === 'timeout' || !namesOf(says.eventName).includes(eventName)) continue;
    const key = (says.options.key ?? keyOfCaller(saga)) as StartHandler['key'];
    if (says.kind === 'start') starts.push({ call, place, key });
    else {
      const { in: within, otherwise = 'wait', waitMs = DEFAULT_WAIT_MS } = says.options;
      steps.push({ call, place, key, in: within === undefined ? [] : namesOf(within), otherwise, waitMs });
    }
  }
  return { eventName, start: starts[0], steps };
}
