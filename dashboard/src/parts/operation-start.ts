import { call } from '../api/client.ts';
import type { Operation, OperationCount, Routes } from '../api/schemas.ts';
import { count, counted } from './number.ts';
import { reasonOf } from './reason-field.tsx';

export type OperationWish = Omit<Routes['POST operations']['body'], 'reason'>;

/** The events that somebody chose, and how they are counted and planned. */
export interface Choice {
  /** Tells choices apart. It says which events are chosen, and not how they are sent. */
  readonly key: string;
  readonly count: () => Promise<OperationCount>;
  readonly plan: (because: { readonly reason?: string }) => Promise<Operation>;
}

/** What was counted for a choice. Nothing of it is stored, so a dialog that is left leaves nothing behind. */
export interface Counted extends OperationCount {
  /** The choice that it was counted for. It does not hold for another one. */
  readonly choice: string;
}

export function choiceOf(wish: OperationWish): Choice {
  const { rate, stopAfter, stopAbovePercent, ...choice } = wish;
  return {
    key: JSON.stringify(choice),
    count: () => call('POST operations/count', { body: wish }),
    plan: () => call('POST operations', { body: wish }),
  };
}

export async function countOf(choice: Choice): Promise<Counted> {
  return { ...(await choice.count()), choice: choice.key };
}

/** A number may grow by a tenth before somebody has to look at it again. */
const GROWTH = 1.1;

/**
 * Plans what was counted, and runs it. If there are many more by now, it runs nothing, and gives the new count
 * to look at.
 */
export async function start(
  choice: Choice,
  seen: Counted,
  reason: string,
  onOther: (found: Counted) => void,
): Promise<Operation> {
  const now = await countOf(choice);
  if (!seen.plannedAtLeast && now.plannedEvents > seen.plannedEvents * GROWTH) {
    onOther(now);
    throw new Error(
      `There are ${plannedText(now)} by now, and there were ${count(seen.plannedEvents)}. Nothing was started: look at the number, and start it again`,
    );
  }
  const because = reasonOf(reason);
  const { id } = await choice.plan(because);
  return call('POST operations/{id}/run', { path: { id }, body: because });
}

/** How many events were counted. */
export function plannedText({
  plannedEvents,
  plannedAtLeast,
}: Pick<OperationCount, 'plannedEvents' | 'plannedAtLeast'>): string {
  return plannedAtLeast ? `${count(plannedEvents)} or more events` : counted(plannedEvents, 'event');
}
