import type { EngineDatabase } from '../../database/engine-database.js';
import { percentile } from '../../rates/work-points.js';
import { RELAY_CONSUMERS } from '../relays/part-name.js';
import type { RelayReport } from '../relays/relay-record.js';
import type { SourceReport } from '../sources/source-record.js';
import {
  type RelayPartition,
  type ReportingProcess,
  type RunningProcess,
  type SourceLease,
  storedRelays,
} from './relay-list.store.js';

/**
 * - `unavailable`: the broker cannot be reached, or a source cannot store or acknowledge
 * - `paused`: somebody has paused the consumer of the relay
 * - `unserved`: no process runs it
 * - `running`: none of these
 */
export const RELAY_STATES = ['running', 'unavailable', 'paused', 'unserved'] as const;

/** What relays and sources have in common. */
export interface Listed {
  readonly name: string;
  /** In one word: nats, rabbitmq, kafka, client-proxy or own. Null if no process says it. */
  readonly broker: string | null;
  /** Topics, subjects, an exchange or a queue. None if they depend on the event, or are not known. */
  readonly addresses: readonly string[];
  readonly state: (typeof RELAY_STATES)[number];
  /** Since when it is in this state. Null if it runs, or that is not known. */
  readonly since: Date | null;
  /** Why the broker cannot be reached. Null in any other state. */
  readonly reason: string | null;
  /** The processes that run it. */
  readonly processes: readonly RunningProcess[];
}

export interface ListedRelay extends Listed {
  readonly consumerName: string;
  readonly eventNames: readonly string[];
  /** Figures of the last five minutes. Null if no process reports any. */
  readonly acceptedPerSecond: number | null;
  readonly refusedPerSecond: number | null;
  readonly duplicatesPerSecond: number | null;
  readonly unacceptedPerSecond: number | null;
  /** How long the broker took to accept a message. Null if it accepted none in the last five minutes. */
  readonly latencyMedianSeconds: number | null;
  readonly latencyP95Seconds: number | null;
  /** The last message that the broker refused, as far as processes that run now have seen it. */
  readonly lastRefusal: {
    readonly at: Date;
    readonly reason: string;
    readonly eventId: string;
    readonly eventName: string;
    readonly position: number;
  } | null;
}

export interface ListedSource extends Listed {
  /** Figures of the last five minutes. Null if no process reports any. */
  readonly storedPerSecond: number | null;
  readonly repeatedPerSecond: number | null;
  readonly rejectedPerSecond: number | null;
  /** The last message that was no event, as far as processes that run now have seen it. */
  readonly lastRejection: { readonly at: Date; readonly reason: string } | null;
}

export interface RelayList {
  /** When it was so, by the clock of the database. */
  readonly at: Date;
  readonly relays: readonly ListedRelay[];
  readonly sources: readonly ListedSource[];
}

/** A report, and the process that wrote it. */
interface Said<Report> {
  readonly process: ReportingProcess;
  readonly report: Report;
}

/** The relays and sources that processes have, or that a process has had, by their names. */
export async function relayList(db: Pick<EngineDatabase, 'query' | 'tables'>): Promise<RelayList> {
  const { at, processes, partitions, leases } = await storedRelays(db);
  const relays = byName(processes.flatMap((process) => saidBy(process, process.report.relays)));
  const sources = byName(processes.flatMap((process) => saidBy(process, process.report.sources)));
  return {
    at,
    relays: namesOf(relays, partitions).map((name) =>
      relayOf(
        name,
        relays.get(name) ?? [],
        partitions.filter((each) => each.name === name),
      ),
    ),
    sources: namesOf(sources, leases).map((name) =>
      sourceOf(
        name,
        sources.get(name) ?? [],
        leases.find((each) => each.name === name),
      ),
    ),
  };
}

function relayOf(
  name: string,
  said: readonly Said<RelayReport>[],
  partitions: readonly RelayPartition[],
): ListedRelay {
  const alive = aliveAmong(said);
  const latency = alive.reduce<number[]>(
    (sum, { report }) => report.latency.map((count, index) => count + (sum[index] ?? 0)),
    [],
  );
  const refusals = said.flatMap(({ process, report: { lastRefusal } }) => {
    if (lastRefusal === null) return [];
    const { msAgo, ...refusal } = lastRefusal;
    return [{ ...refusal, at: timeOf(process, msAgo) }];
  });
  return {
    name,
    consumerName: `${RELAY_CONSUMERS}${name}`,
    ...saidOf(said),
    eventNames: partitions[0]?.eventNames ?? said[0]?.report.eventNames ?? [],
    ...stateOfRelay(partitions),
    processes: distinct(partitions.map(({ owner }) => owner)),
    acceptedPerSecond: perSecond(alive, 'accepted'),
    refusedPerSecond: perSecond(alive, 'refused'),
    duplicatesPerSecond: perSecond(alive, 'duplicates'),
    unacceptedPerSecond: perSecond(alive, 'unaccepted'),
    latencyMedianSeconds: percentile(latency, 0.5),
    latencyP95Seconds: percentile(latency, 0.95),
    lastRefusal: latest(refusals),
  };
}

function sourceOf(
  name: string,
  said: readonly Said<SourceReport>[],
  lease: SourceLease | undefined,
): ListedSource {
  const alive = aliveAmong(said);
  const rejections = said.flatMap(({ process, report: { lastRejection } }) =>
    lastRejection === null
      ? []
      : [{ at: timeOf(process, lastRejection.msAgo), reason: lastRejection.reason }],
  );
  return {
    name,
    ...saidOf(said),
    ...stateOfSource(said, lease),
    processes: distinct([lease?.owner ?? null]),
    storedPerSecond: perSecond(alive, 'stored'),
    repeatedPerSecond: perSecond(alive, 'repeated'),
    rejectedPerSecond: perSecond(alive, 'rejected'),
    lastRejection: latest(rejections),
  };
}

type State = Pick<Listed, 'state' | 'since' | 'reason'>;

const RUNNING: State = { state: 'running', since: null, reason: null };

function stateOfRelay(partitions: readonly RelayPartition[]): State {
  const [away] = partitions
    .flatMap(({ unavailable }) => unavailable ?? [])
    .map(({ since, reason }) => ({ since: new Date(since), reason }))
    .sort(byTime((each) => each.since));
  if (away !== undefined) return { state: 'unavailable', ...away };
  const paused = partitions.find(({ pausedSince }) => pausedSince !== null)?.pausedSince ?? null;
  if (paused !== null) return { state: 'paused', since: new Date(paused), reason: null };
  return partitions.some(({ owner }) => owner !== null) ? RUNNING : unserved(partitions);
}

function stateOfSource(said: readonly Said<SourceReport>[], lease: SourceLease | undefined): State {
  if (lease === undefined || lease.owner === null) return unserved(lease === undefined ? [] : [lease]);
  const { owner } = lease;
  const running = said.find(({ process }) => process.id === owner.id);
  const failing = running?.report.failing ?? null;
  if (running === undefined || failing === null) return RUNNING;
  return { state: 'unavailable', since: timeOf(running.process, failing.msAgo), reason: failing.reason };
}

function unserved(left: readonly { readonly leftAt: string | null }[]): State {
  const times = left.flatMap(({ leftAt }) => (leftAt === null ? [] : [new Date(leftAt)]));
  return { state: 'unserved', since: times.sort(byTime((time) => time)).at(-1) ?? null, reason: null };
}

function saidBy<Report>(process: ReportingProcess, reports: readonly Report[]): Said<Report>[] {
  return reports.map((report) => ({ process, report }));
}

function byName<Report extends { readonly name: string }>(
  said: readonly Said<Report>[],
): Map<string, Said<Report>[]> {
  const groups = new Map<string, Said<Report>[]>();
  for (const each of said) {
    const group = groups.get(each.report.name);
    if (group === undefined) groups.set(each.report.name, [each]);
    else group.push(each);
  }
  return groups;
}

function namesOf(said: ReadonlyMap<string, unknown>, stored: readonly { readonly name: string }[]): string[] {
  return [...new Set([...said.keys(), ...stored.map(({ name }) => name)])].sort();
}

/** What the process says that was seen last. During a deployment, two versions may say different things. */
function saidOf(
  said: readonly Said<Pick<RelayReport, 'broker' | 'addresses'>>[],
): Pick<Listed, 'broker' | 'addresses'> {
  const [last] = [...said].sort(byTime(({ process }) => new Date(process.seenAt))).slice(-1);
  return { broker: last?.report.broker ?? null, addresses: last?.report.addresses ?? [] };
}

function aliveAmong<Report>(said: readonly Said<Report>[]): readonly Said<Report>[] {
  return said.filter(({ process }) => process.alive);
}

/** The sum of what each process does in a second. */
function perSecond<Name extends string>(
  said: readonly Said<{ readonly seconds: number; readonly counts: Readonly<Record<Name, number>> }>[],
  name: Name,
): number | null {
  if (said.length === 0) return null;
  return said.reduce((sum, { report }) => sum + report.counts[name] / Math.max(report.seconds, 1), 0);
}

/** A process says how long ago something was, because the clocks of processes differ. */
function timeOf({ seenAt }: ReportingProcess, msAgo: number): Date {
  return new Date(Date.parse(seenAt) - msAgo);
}

function latest<Each extends { readonly at: Date }>(all: readonly Each[]): Each | null {
  return [...all].sort(byTime(({ at }) => at)).at(-1) ?? null;
}

function byTime<Each>(timeIn: (each: Each) => Date): (one: Each, other: Each) => number {
  return (one, other) => timeIn(one).getTime() - timeIn(other).getTime();
}

function distinct(owners: readonly (RunningProcess | null)[]): RunningProcess[] {
  return [...new Map(owners.flatMap((owner) => (owner === null ? [] : [[owner.id, owner]]))).values()];
}
