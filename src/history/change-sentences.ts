import type { AuditEntry } from '../audit/audit.js';
import type { StartedProcesses } from '../membership/process-start.store.js';
import type { SettingHistoryEntry } from '../settings/settings.store.js';
import type { NotedChange } from './noted-change.js';

const LONGEST_VALUE = 60;

/** What processes of one version that were started are, as a change. */
export function changeOfProcesses(started: StartedProcesses): NotedChange {
  const { version, processes, startedAt, host, pid, isNew } = started;
  const who = processes === 1 ? `Process ${host}:${pid} was` : `${processes} processes were`;
  const of = version === null ? '' : isNew ? ` with the new version ${version}` : ` with version ${version}`;
  const last = processes === 1 ? '' : `, ${host}:${pid} last`;
  return { at: startedAt, kind: 'process', says: `${who} started${of}${last}`, target: null };
}

/** A change of a setting, also one by plain SQL, which the audit does not have. */
export function changeOfSetting({ at, key, from, to, by, reason }: SettingHistoryEntry): NotedChange {
  const because = reason === null ? '' : `: ${reason}`;
  const what =
    to === null
      ? `took the stored value of ${key} away, which was ${textOf(from)}`
      : `set ${key}${from === null ? '' : ` from ${textOf(from)}`} to ${textOf(to)}`;
  return { at, kind: 'setting', says: `${by ?? 'somebody'} ${what}${because}`, target: `setting/${key}` };
}

function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}

/** What the audit has, as a change. */
export function changeOfEntry(entry: AuditEntry): NotedChange {
  const { at, target, action } = entry;
  const [room] = action.split('.');
  const kind =
    room === 'consumers'
      ? 'consumer'
      : room === 'operations' || action === 'events.redrive' || action === 'events.discard'
        ? 'operation'
        : 'other';
  const because = entry.reason === null ? '' : `: ${entry.reason}`;
  return { at, kind, says: `${entry.actor} ${doneBy(entry)}${because}`, target };
}

const VERBS: Readonly<Record<string, string>> = {
  'consumers.pause': 'paused',
  'consumers.resume': 'resumed',
  'consumers.replay': 'replayed events of',
  'consumers.repartition': 'changed the partitions of',
  'consumers.rename': 'renamed',
  'consumers.remove': 'deleted',
  'consumers.remove-names': 'took event names away from',
  'operations.run': 'started',
  'operations.pause': 'paused',
  'operations.resume': 'resumed',
  'operations.rate': 'changed the rate of',
  'operations.cancel': 'cancelled',
  'events.redrive': 'sent an event again:',
  'events.discard': 'discarded events of',
  'events.correct': 'published a correction of',
  'dead-letters.rehearse': 'rehearsed',
};

function doneBy(entry: AuditEntry): string {
  const { action, target, after } = entry;
  const verb = VERBS[action];
  if (verb === undefined) return `did ${action}${target === null ? '' : ` to ${nameOf(target)}`}`;
  if (target?.startsWith('operation/')) return `${verb} ${operationOf(target, after)}`;
  return `${verb} ${target === null ? 'something' : nameOf(target)}`;
}

/** `the redrive of billing`, or of no single consumer: `the redrive 0b5c…` */
function operationOf(target: string, after: unknown): string {
  const { kind, filter } = (after ?? {}) as {
    readonly kind?: string;
    readonly filter?: { readonly consumerName?: string };
  };
  if (kind === undefined) return nameOf(target);
  const name = filter?.consumerName;
  return `the ${kind} ${name === undefined ? target.slice(target.indexOf('/') + 1) : `of ${name}`}`;
}

/** `consumer billing` */
function nameOf(target: string): string {
  return target.replace('/', ' ');
}
