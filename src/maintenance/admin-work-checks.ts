import type { EngineDatabase } from '../database/engine-database.js';
import { type CommandTarget, codeLiteral, commandLine } from '../database/sql/pasteable-text.js';
import {
  AdminWorkStore,
  type StuckOperation,
  type StuckRepartition,
  type StuckReplay,
} from './admin-work.store.js';
import type { Check, FindingAction, Found } from './finding.js';

type Findings = Found[];

const NO_PROGRESS_MINUTES = 15;
const LONG_MINUTES = 60;
/** A process that runs consumers begins with an operation within seconds. */
const UNATTENDED_MINUTES = 5;

/** Checks of what admins have asked for: changed numbers of partitions, filtered replays, and operations. */
export function adminWorkChecks(db: EngineDatabase): Check[] {
  const store = new AdminWorkStore(db);
  return [
    {
      name: 'repartition-stuck',
      severity: 'critical',
      run: async (): Promise<Findings> =>
        (await store.stuckRepartitions(NO_PROGRESS_MINUTES)).map((stuck) => repartitionFinding(stuck, db)),
    },
    {
      name: 'replay-stuck',
      run: async (): Promise<Findings> =>
        (await store.stuckReplays(NO_PROGRESS_MINUTES, LONG_MINUTES)).map((stuck) => replayFinding(stuck)),
    },
    {
      name: 'operation-stuck',
      run: async (): Promise<Findings> =>
        (await store.stuckOperations(UNATTENDED_MINUTES)).map((stuck) => operationFinding(stuck, db)),
    },
  ];
}

function repartitionFinding(stuck: StuckRepartition, target: CommandTarget): Findings[number] {
  const { consumerName, partitions, repartitionTo, askedAt, paused, behind } = stuck;
  const callBack = `call the change back: ${commandLine(target, 'consumers repartition', [consumerName, partitions])}`;
  return {
    about: [consumerName],
    since: askedAt,
    action:
      behind.length > 0 && paused
        ? resume(consumerName)
        : { service: 'ConsumerService', method: 'repartition', arguments: [consumerName, partitions] },
    finding: `Consumer "${consumerName}" has been about to change from ${partitions} to ${repartitionTo} partitions since ${askedAt.toISOString()}, and gets nowhere: ${obstacleOf(stuck)}.`,
    meaning:
      'Its partitions are held back for the change, so new events are not delivered to it until the change is made or called back.',
    fix: `${remedyOf(stuck)}; or ${callBack}`,
    details: { ...stuck },
  };
}

function obstacleOf({ leased, behind }: StuckRepartition): string {
  if (behind.length > 0) return `${named(behind)} not caught up with the others`;
  if (leased.length > 0) return `${named(leased)} not been handed over`;
  return 'no process takes the next step';
}

function remedyOf({ consumerName, paused, leased, behind }: StuckRepartition): string {
  if (behind.length > 0 && paused) {
    return `Resume it, so that they can catch up: ConsumerService.resume(${codeLiteral(consumerName)})`;
  }
  if (leased.length > 0)
    return 'Look at the logs of their processes for handlers that do not end; restart them';
  return 'Start a process whose code has this consumer; if there is one, its log says what it fails of';
}

function resume(consumerName: string): FindingAction {
  return { service: 'ConsumerService', method: 'resume', arguments: [consumerName] };
}

function named(partitions: readonly number[]): string {
  return partitions.length === 1
    ? `partition ${partitions[0]} has`
    : `partitions ${partitions.join(', ')} have`;
}

function replayFinding(stuck: StuckReplay): Findings[number] {
  const { id, consumerName, nextPosition, toPosition, progressedAt, paused, owned } = stuck;
  return {
    about: [consumerName, id],
    since: progressedAt,
    ...(paused ? { action: resume(consumerName) } : {}),
    finding: `Replay ${id} of consumer "${consumerName}" is open and has not come further than position ${nextPosition} of ${toPosition} since ${progressedAt.toISOString()}.`,
    meaning:
      'Its events are not sent again, later requests of the consumer wait for it, and retention keeps its events.',
    fix: paused
      ? `The consumer is paused: ConsumerService.resume(${codeLiteral(consumerName)})`
      : owned
        ? 'Look at the log of its owner for what sending fails of, and whether the events that are due come to their end.'
        : 'Start a process whose code has this consumer.',
    details: { ...stuck },
  };
}

function operationFinding(stuck: StuckOperation, target: CommandTarget): Findings[number] {
  const { id, kind, changed, plannedEvents, progressedAt, held } = stuck;
  const cancel = `Or cancel it: ${commandLine(target, 'operations cancel', [id])}`;
  return {
    about: [id],
    since: progressedAt,
    action: { service: 'OperationService', method: 'cancel', arguments: [id] },
    finding: `Operation ${id} (${kind}) runs and has changed ${changed} of about ${plannedEvents} events. ${held ? 'A process holds it, and has finished no portion' : 'No process has worked on it'} since ${progressedAt.toISOString()}.`,
    meaning: 'The rest of its events stay as they are until a process goes on with it.',
    fix: `${held ? 'Look at the logs of the processes for "operations": what its portions fail of stands there.' : 'Start a process that runs consumers and whose role may work operations off.'} ${cancel}`,
    details: { ...stuck },
  };
}
