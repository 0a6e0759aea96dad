/** What is explored, how large, and what must come out. */
import { type CallsMutant, callsMutants, callsSetup } from './call-mutants.js';
import { callsMachine } from './calls.js';
import { type CallsSetup, callsRules } from './calls-rules.js';
import { type Exploration, explore } from './explore.js';
import { lanesMachine } from './lanes.js';
import { type LanesSetup, lanesRules } from './lanes-rules.js';
import { leaseMachine } from './lease.js';
import { type LeaseSetup, leaseRules } from './lease-rules.js';
import { logMachine } from './log.js';
import { type LogSetup, logRules } from './log-rules.js';
import {
  type LeaseMutant,
  type LogMutant,
  leaseMutants,
  leaseSetup,
  leaseVariants,
  logMutants,
  logSetup,
  logVariants,
  type RenewalMutant,
  renewalMutants,
  writer,
} from './mutants.js';
import {
  type LanesMutant,
  lanesMutants,
  lanesSetup,
  type RoutingMutant,
  routingMutants,
  routingSetup,
} from './outgoing-mutants.js';
import { renewalMachine } from './renewal.js';
import { renewalRules } from './renewal-rules.js';
import { routingMachine } from './routing.js';
import { type RoutingSetup, routingRules } from './routing-rules.js';
import { type SagasMutant, sagasMutants, sagasSetup } from './saga-mutants.js';
import { sagasMachine } from './sagas.js';
import { type SagasSetup, sagasRules } from './sagas-rules.js';

/** small: for a test, a second or two. usual: under a minute. long: several minutes and a few gigabytes. */
export type Size = 'small' | 'usual' | 'long';

export interface Case {
  readonly kind: 'rules' | 'variant' | 'mutant';
  readonly name: string;
  /** What was explored, and so what bounds the claim. */
  readonly bounds: string;
  readonly expected: 'holds' | 'caught';
  run(): Exploration;
}

export interface Verdict {
  readonly of: Case;
  readonly exploration: Exploration;
  readonly ok: boolean;
}

export function judge(of: Case): Verdict {
  const exploration = of.run();
  const caught = exploration.counterexample !== undefined;
  return { of, exploration, ok: exploration.complete && caught === (of.expected === 'caught') };
}

export function cases(size: Size): Case[] {
  return [
    ...logSetups(size).map((setup) => logCase('rules', { part: 'log', name: 'log', rules: {}, setup })),
    ...leaseSetups(size).map((setup) =>
      leaseCase('rules', { part: 'lease', name: 'leases', rules: {}, setup }),
    ),
    ...(['of a cursor', 'of a name'] as const).map((lease) =>
      renewalCase('rules', { part: 'renewal', name: 'renewal', rules: {}, setup: { lease } }),
    ),
    ...lanesSetups(size).map((setup) =>
      lanesCase('rules', { part: 'lanes', name: 'lanes', rules: {}, setup }),
    ),
    ...routingSetups(size).map((setup) =>
      routingCase('rules', { part: 'routing', name: 'routing', rules: {}, setup }),
    ),
    ...sagasSetups(size).map((setup) =>
      sagasCase('rules', { part: 'sagas', name: 'sagas', rules: {}, setup }),
    ),
    ...callsSetups(size).map((setup) =>
      callsCase('rules', { part: 'calls', name: 'calls', rules: {}, setup }),
    ),
    ...logVariants.map((v) => logCase('variant', v)),
    ...leaseVariants.map((v) => leaseCase('variant', v)),
    ...logMutants.map((m) => logCase('mutant', m)),
    ...leaseMutants.map((m) => leaseCase('mutant', m)),
    ...renewalMutants.map((m) => renewalCase('mutant', m)),
    ...lanesMutants.map((m) => lanesCase('mutant', m)),
    ...routingMutants.map((m) => routingCase('mutant', m)),
    ...sagasMutants.map((m) => sagasCase('mutant', m)),
    ...callsMutants.map((m) => callsCase('mutant', m)),
  ];
}

function logSetups(size: Size): LogSetup[] {
  const one = [writer(1, 'ks'), writer(1, 'ks'), writer(1, 's')];
  const prepared = logSetup(2, [writer(1, 'kp'), writer(1, 'kp'), writer(1)]);
  const failover = logSetup(2, [writer(1, 'k'), writer(1, 'k'), writer(1)], { failover: true });
  const five = [writer(2, 'ks'), writer(2, 'ks'), writer(1)];
  const pages = [1, 2, 5];
  const few = [writer(1, 'ks'), writer(1, 'ks'), writer(1)];
  const puttingOff = logSetup(2, [writer(1, 'k'), writer(1, 'k'), writer(1)], { postpones: true });
  if (size === 'small')
    return [
      logSetup(1, few),
      logSetup(2, [writer(1, 'k'), writer(1, 'k'), writer(1)]),
      logSetup(5, [writer(2), writer(1, 's')]),
      prepared,
      logSetup(2, [writer(1, 'k'), writer(1, 'k')], { postpones: true }),
    ];
  const usual = [
    ...[one, five].flatMap((writers) => pages.map((page) => logSetup(page, writers))),
    prepared,
    failover,
    puttingOff,
  ];
  if (size === 'usual') return usual;
  const six = [writer(2, 'k'), writer(2, 'k'), writer(2)];
  const savepoints = [writer(2, 'ks'), writer(2, 'ks'), writer(1, 's')];
  return [...usual, ...[six, savepoints].flatMap((writers) => pages.map((page) => logSetup(page, writers)))];
}

function leaseSetups(size: Size): LeaseSetup[] {
  const small = [
    leaseSetup('both', { faults: false }),
    leaseSetup('transactional'),
    leaseSetup('plain'),
    leaseSetup('both', { faults: false, postpones: true }),
    leaseSetup('plain', { postpones: true }),
    leaseSetup('plain', { postpones: true, tokens: 6, maxAttempts: 1 }),
  ];
  if (size === 'small') return small;
  const usual = [
    ...small,
    leaseSetup('both'),
    leaseSetup('transactional', { postpones: true }),
    leaseSetup('transactional', { tokens: 4, maxAttempts: 3, strays: 2 }),
  ];
  if (size === 'usual') return usual;
  return [
    ...usual,
    leaseSetup('both', { tokens: 2, maxAttempts: 3, strays: 2 }),
    leaseSetup('transactional', { tokens: 5, maxAttempts: 3, strays: 2 }),
  ];
}

function lanesSetups(size: Size): LanesSetup[] {
  const small = [
    lanesSetup(1, { retries: true, holds: true }),
    lanesSetup(2, { faults: false }),
    lanesSetup(2, { places: 1 }),
    lanesSetup(2, { ordered: true }),
  ];
  if (size === 'small') return small;
  const usual = [...small, lanesSetup(2, { holds: true }), lanesSetup(1, { retries: true, tokens: 4 })];
  if (size === 'usual') return usual;
  return [...usual, lanesSetup(2, { retries: true }), lanesSetup(3, { ordered: true })];
}

function routingSetups(size: Size): RoutingSetup[] {
  const small = [
    routingSetup(2),
    routingSetup(2, { routers: 2, window: 1 }),
    routingSetup(2, { created: true, routers: 2, pauses: 0 }),
    routingSetup(2, { ordered: true, window: 1 }),
  ];
  if (size === 'small') return small;
  const usual = [
    ...small,
    routingSetup(3, { pauses: 2, window: 1 }),
    routingSetup(3, { routers: 2 }),
    routingSetup(3, { ordered: true, routers: 2, window: 1 }),
  ];
  if (size === 'usual') return usual;
  return [
    ...usual,
    routingSetup(3, { created: true, routers: 2, window: 1 }),
    routingSetup(3, { pauses: 2, routers: 2, window: 1 }),
    routingSetup(3, { ordered: true, created: true, routers: 2, window: 1 }),
  ];
}

function sagasSetups(size: Size): SagasSetup[] {
  const small = [sagasSetup({ faults: false }), sagasSetup()];
  if (size === 'small') return small;
  return [
    ...small,
    sagasSetup({ versions: 2 }),
    sagasSetup({ replays: 1 }),
    sagasSetup({ versions: 2, replays: 1 }),
  ];
}

function callsSetups(size: Size): CallsSetup[] {
  const small = [callsSetup({ faults: false }), callsSetup()];
  if (size === 'small') return small;
  return [
    ...small,
    callsSetup({ unknown: 'retry', reports: 2 }),
    callsSetup({ unknown: 'fail', deadline: true }),
    callsSetup({ reports: 2, deadline: true }),
  ];
}

function logCase(kind: Case['kind'], { name, rules, setup }: LogMutant): Case {
  return {
    kind,
    name,
    bounds: logBounds(setup),
    expected: kind === 'mutant' ? 'caught' : 'holds',
    run: () => explore(logMachine(setup, { ...logRules, ...rules })),
  };
}

function leaseCase(kind: Case['kind'], { name, rules, setup }: LeaseMutant): Case {
  return {
    kind,
    name,
    bounds: leaseBounds(setup),
    expected: kind === 'mutant' ? 'caught' : 'holds',
    run: () => explore(leaseMachine(setup, { ...leaseRules, ...rules })),
  };
}

function renewalCase(kind: Case['kind'], { name, rules, setup }: RenewalMutant): Case {
  return {
    kind,
    name,
    bounds: `a lease ${setup.lease}, two saves at a time, one freeze`,
    expected: kind === 'mutant' ? 'caught' : 'holds',
    run: () => explore(renewalMachine(setup, { ...renewalRules, ...rules })),
  };
}

function lanesCase(kind: Case['kind'], { name, rules, setup }: LanesMutant): Case {
  return {
    kind,
    name,
    bounds: lanesBounds(setup),
    expected: kind === 'mutant' ? 'caught' : 'holds',
    run: () => explore(lanesMachine(setup, { ...lanesRules, ...rules })),
  };
}

function routingCase(kind: Case['kind'], { name, rules, setup }: RoutingMutant): Case {
  return {
    kind,
    name,
    bounds: routingBounds(setup),
    expected: kind === 'mutant' ? 'caught' : 'holds',
    run: () => explore(routingMachine(setup, { ...routingRules, ...rules })),
  };
}

function sagasCase(kind: Case['kind'], { name, rules, setup }: SagasMutant): Case {
  return {
    kind,
    name,
    bounds: sagasBounds(setup),
    expected: kind === 'mutant' ? 'caught' : 'holds',
    run: () => explore(sagasMachine(setup, { ...sagasRules, ...rules })),
  };
}

function callsCase(kind: Case['kind'], { name, rules, setup }: CallsMutant): Case {
  return {
    kind,
    name,
    bounds: callsBounds(setup),
    expected: kind === 'mutant' ? 'caught' : 'holds',
    run: () => explore(callsMachine(setup, { ...callsRules, ...rules })),
  };
}

function logBounds(setup: LogSetup): string {
  const writers = setup.writers.map(
    (w) => `${w.events}${w.keyed ? 'k' : ''}${w.savepoint ? 's' : ''}${w.prepares ? 'p' : ''}`,
  );
  const more = `${setup.failover ? ', a failover' : ''}${setup.postpones ? ', events put off' : ''}${setup.otherReader ? ', another consumer' : ''}`;
  return `writers ${writers.join(' ')}, pages of ${setup.page}${more}`;
}

function leaseBounds(setup: LeaseSetup): string {
  const events = [setup.transactional && 'transactional', setup.plain && 'plain'].filter(Boolean).join(' + ');
  const more = setup.postpones ? ', put off' : '';
  if (!setup.faults) return `${events}${more}, no faults, ${setup.tokens - 1} hand-overs`;
  const strays = setup.transactional ? `, ${setup.strays} left behind` : '';
  return `${events}${more}, ${setup.tokens - 1} takeovers, ${setup.maxAttempts} attempts${strays}`;
}

function lanesBounds({ items, places, tokens, faults, retries, holds, ordered }: LanesSetup): string {
  const more = `${retries ? ', retries' : ''}${holds ? ', a pause' : ''}${ordered ? ', in order' : ''}${places < items ? `, ${some(places, 'place')}` : ''}`;
  const changes = some(tokens - 1, faults ? 'takeover' : 'hand-over');
  return `${some(items, 'item')}${more}, ${changes}${faults ? '' : ', no faults'}`;
}

function routingBounds({ events, ordered, created, pauses, window, routers }: RoutingSetup): string {
  const more = `${ordered ? ', in order' : ''}${created ? ', created with a past' : ''}`;
  return `${some(events, 'event')}${more}, ${some(routers, 'router')}, ${some(pauses, 'pause')}, windows of ${window}`;
}

function sagasBounds({ versions, replays, faults }: SagasSetup): string {
  const more = `${replays > 0 ? ', one event sent again' : ''}${faults ? ', deaths' : ''}`;
  return `a start, two events, two timeouts, ${some(versions, 'version')}${more}`;
}

function callsBounds({ unknown, reports, deadline, faults }: CallsSetup): string {
  const more = `${deadline ? ', a deadline' : ''}${faults ? ', deaths' : ''}`;
  return `two owners, ${some(reports, 'report')}, unknown outcomes ${unknown}${more}`;
}

function some(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
