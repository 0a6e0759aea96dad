import { setTimeout as delay } from 'node:timers/promises';
import type { Operation } from '../consumers/operations/operation.js';
import { IntegrationError, messageOf } from '../errors.js';
import type { ProcessView } from '../membership/process-view.store.js';
import type { CommandContext } from './command.js';
import { progressText } from './operation-texts.js';
import type { CommandServices } from './services.js';

/** Milliseconds between two looks. */
const LOOK_MS = 500;
/** After this time without progress the command says that nothing happens. A process begins within 15 s. */
const SILENT_MS = 20_000;

/** `nobody`: there is no process that would work it off. */
export type FollowEnd = 'ended' | 'interrupted' | 'nobody';

/** Shows how far an operation is, until it has ended, or until there is a reason not to wait for it. */
export function followOperation(
  context: CommandContext,
  services: CommandServices,
  begun: Operation,
): Promise<{ end: FollowEnd; operation: Operation }> {
  return context.interruptible(async (signal) => {
    let operation = begun;
    let progressedAt = performance.now();
    let isSilent = false;
    try {
      for (;;) {
        if (operation.finishedAt !== null) return { end: 'ended', operation };
        context.redraw(`Operation ${operation.id}: ${progressText(operation)} events`);
        await delay(LOOK_MS, undefined, { signal }).catch(() => {});
        if (signal.aborted) return { end: 'interrupted', operation };
        const before = operation;
        operation = (await looked(context, () => services.operations.get(begun.id))) ?? operation;
        if (operation.finishedAt !== null || hasProgressed(before, operation))
          progressedAt = performance.now();
        else if ((await looked(context, () => isSomebodyThere(services))) === false)
          return { end: 'nobody', operation };
        else if (!isSilent && performance.now() - progressedAt > SILENT_MS) {
          isSilent = true;
          context.remark(
            `Nothing has happened for ${SILENT_MS / 1_000} s. Operations are worked off one after the other, and only by processes whose role may change them.`,
          );
        }
      }
    } finally {
      context.redraw(undefined);
    }
  });
}

/** A database that is gone for a while is said, and looked at again. */
async function looked<R>(context: CommandContext, look: () => Promise<R>): Promise<R | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof IntegrationError && error.code === 'INTEGRATION_OPERATION_UNKNOWN') throw error;
    context.redraw(`Cannot look how far it is: ${messageOf(error)}`);
    return undefined;
  }
}

function hasProgressed(before: Operation, now: Operation): boolean {
  return before.changed !== now.changed || before.progressedAt?.getTime() !== now.progressedAt?.getTime();
}

/** Whether there is a process that works operations off: one that runs consumers. */
export async function isSomebodyThere({ processes }: CommandServices): Promise<boolean> {
  let after: string | undefined;
  for (;;) {
    const page = await processes.list({ limit: 1_000, after });
    if (page.processes.some(runsConsumers)) return true;
    if (page.next === null) return false;
    after = page.next;
  }
}

function runsConsumers({ alive, connected, role, handles }: ProcessView): boolean {
  return alive && connected !== false && role !== 'publisher' && handles.length > 0;
}
