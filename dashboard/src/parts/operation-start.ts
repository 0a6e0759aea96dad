import { call } from '../api/client.ts';
import type { Operation, OperationCount, Routes } from '../api/schemas.ts';
import { count, counted } from './number.ts';
import { reasonOf } from './reason-field.tsx';

export type OperationWish = Omit<Routes['POST operations']['body'], 'reason'>;

/** What was counted for a wish. Nothing of it is stored, so a dialog that is left leaves nothing behind. */
export interface Counted extends OperationCount {
  /** The choice that it was counted for. It does not hold for another one. */
  readonly choice: string;
}

/** Which events a wish chooses, and not how they are sent. */
export function choiceOf({ rate, stopAfter, stopAbovePercent, ...choice }: OperationWish): string {
  return JSON.stringify(choice);
}

export async function countOf(wish: OperationWish): Promise<Counted> {
  return { ...(await call('POST operations/count', { body: wish })), choice: choiceOf(wish) };
}

/** A number may grow by a tenth before somebody has to look at it again. */
const GROWTH = 1.1;

/**
 * Plans what was counted, and runs it. If there are many more by now, it runs nothing, and gives the new count
 * to look at.
 */
export async function start(
  wish: OperationWish,
  seen: Counted,
  reason: string,
  onOther: (found: Counted) => void,
): Promise<Operation> {
  const now = await countOf(wish);
  if (!seen.plannedAtLeast && now.plannedEvents > seen.plannedEvents * GROWTH) {
    onOther(now);
    throw new Error(
      `There are ${plannedText(now)} by now, and there were ${count(seen.plannedEvents)}. Nothing was started: look at the number, and start it again`,
    );
  }
  const { id } = await call('POST operations', { body: wish });
  return call('POST operations/{id}/run', { path: { id }, body: reasonOf(reason) });
}

/** How many events were counted. */
export function plannedText({
  plannedEvents,
  plannedAtLeast,
}: Pick<OperationCount, 'plannedEvents' | 'plannedAtLeast'>): string {
  return plannedAtLeast ? `${count(plannedEvents)} or more events` : counted(plannedEvents, 'event');
}
