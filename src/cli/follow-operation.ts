import { setTimeout as delay } from 'node:timers/promises';
import type { Operation } from '../changes/operations/operation.js';
import type { ProcessView } from '../membership/process-view.store.js';
import type { CommandContext } from './command.js';
import { placeText, progressText } from './operation-texts.js';
import { PatientLooks } from './patient-looks.js';
import type { CommandServices } from './services.js';

/** Milliseconds between two looks. */
const LOOK_MS = 500;
/** After this time without progress the command says that nothing happens. A process begins within 15 s. */
const SILENT_MS = 20_000;

/**
 * Why nothing works an operation off. `nobody`: there is no process that would. `paused`: it is a replay, and
 * its consumer is paused.
 */
export type Hindrance = 'nobody' | 'paused';

export function hindranceText(
  { kind, filter: { consumerName = '' } }: Operation,
  hindrance: Hindrance,
): string {
  if (hindrance === 'paused')
    return `Consumer "${consumerName}" is paused. The operation waits until somebody resumes it.`;
  const what = kind === 'replay' ? `consumer "${consumerName}"` : 'consumers';
  return `No process runs ${what} at the moment, so nothing takes the operation up. The next one that starts does.`;
}

/** Why nothing may have happened for a while. */
const SILENCE = {
  replay:
    'The replays of a consumer are sent one after the other, and nothing is sent while a thousand of its events are due.',
  others: 'Operations are worked off one after the other, and only by processes whose role may change them.',
};

/** What following an operation needs. */
export type OperationServices = Pick<CommandServices, 'operations' | 'processes' | 'consumers'>;

export type FollowEnd = 'ended' | 'interrupted' | Hindrance;

/** Shows how far an operation is, until it ends, `signal` aborts, or there is a reason not to wait for it. */
export async function followOperation(
  context: CommandContext,
  services: OperationServices,
  begun: Operation,
  signal: AbortSignal,
): Promise<{ end: FollowEnd; operation: Operation }> {
  let operation = begun;
  let progressedAt = performance.now();
  let isSilent = false;
  const looks = new PatientLooks(context, 'the operation');
  // This is said at once, because a second Ctrl-C ends the process before it has a result.
  const left = () => context.redraw(`Leaving operation ${begun.id}, which goes on`);
  signal.addEventListener('abort', left, { once: true });
  if (signal.aborted) left();
  try {
    for (;;) {
      if (operation.finishedAt !== null) return { end: 'ended', operation };
      context.redraw(`Operation ${operation.id}: ${progressText(operation)} events${placeText(operation)}`);
      await delay(LOOK_MS, undefined, { signal }).catch(() => {});
      if (signal.aborted) return { end: 'interrupted', operation };
      const before = operation;
      const found = await looks.look(() => services.operations.get(begun.id));
      if (found === undefined) {
        // Nobody knows whether something happens meanwhile.
        progressedAt = performance.now();
        continue;
      }
      operation = found;
      if (operation.finishedAt !== null || hasProgressed(before, operation)) {
        progressedAt = performance.now();
      } else {
        const current = operation;
        const hindrance = await looks.look(() => hindranceOf(services, current));
        if (hindrance !== undefined) return { end: hindrance, operation };
      }
      if (operation.finishedAt === null && !isSilent && performance.now() - progressedAt > SILENT_MS) {
        isSilent = true;
        context.remark(
          `Nothing has happened for ${SILENT_MS / 1_000} s. ${SILENCE[operation.kind === 'replay' ? 'replay' : 'others']}`,
        );
      }
    }
  } finally {
    context.redraw(undefined);
  }
}

function hasProgressed(before: Operation, now: Operation): boolean {
  return before.changed !== now.changed || before.progressedAt?.getTime() !== now.progressedAt?.getTime();
}

/**
 * Why nothing works an operation off at the moment. A process that runs consumers does it, and for a replay
 * the owner of its consumer.
 */
export async function hindranceOf(
  { processes, consumers }: OperationServices,
  { kind, filter }: Operation,
): Promise<Hindrance | undefined> {
  const consumer = kind === 'replay' ? filter.consumerName : undefined;
  const ofReplay = consumer === undefined ? [] : await consumers.list({ consumerName: consumer });
  if (ofReplay.some(({ paused }) => paused)) return 'paused';
  let after: string | undefined;
  for (;;) {
    const page = await processes.list({ limit: 1_000, after });
    if (page.processes.some((process) => runsConsumers(process, consumer))) return undefined;
    if (page.next === null) return 'nobody';
    after = page.next;
  }
}

function runsConsumers({ alive, connected, role, handles }: ProcessView, consumer?: string): boolean {
  if (!alive || connected === false || role === 'publisher') return false;
  return consumer === undefined ? handles.length > 0 : handles.includes(consumer);
}
