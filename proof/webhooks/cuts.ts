import type { OwnStep } from '../processes/receiver-protocol.js';
import type { TrapStep } from './trap.js';

/** `receipt`: a delivery that the package takes in. `once`: a route of the host that does something once. */
export type Flow = 'receipt' | 'once';

/** What becomes of the server's session of a process that was killed while it waited for the server. */
export type SessionEnd = 'goes on' | 'is ended';

/** Where a receiver is killed, and whether the delivery is committed then. */
export type Cut = { readonly flow: Flow; readonly isCommitted: boolean } & (
  | { readonly step: OwnStep }
  | { readonly trap: TrapStep; readonly session: SessionEnd }
);

/** Each step of both flows, in their order. */
export const CUTS: readonly Cut[] = [
  { flow: 'receipt', step: 'before-verify', isCommitted: false },
  { flow: 'receipt', step: 'after-verify', isCommitted: false },
  { flow: 'receipt', trap: 'in-receipt', session: 'is ended', isCommitted: false },
  { flow: 'receipt', trap: 'in-receipt', session: 'goes on', isCommitted: true },
  { flow: 'receipt', trap: 'in-event', session: 'is ended', isCommitted: false },
  { flow: 'receipt', trap: 'in-event', session: 'goes on', isCommitted: true },
  { flow: 'receipt', step: 'before-answer', isCommitted: true },
  { flow: 'receipt', step: 'after-answer', isCommitted: true },
  { flow: 'once', step: 'before-claim', isCommitted: false },
  { flow: 'once', trap: 'in-receipt', session: 'goes on', isCommitted: false },
  { flow: 'once', step: 'after-claim', isCommitted: false },
  { flow: 'once', step: 'after-write', isCommitted: false },
  { flow: 'once', trap: 'in-event', session: 'goes on', isCommitted: false },
  { flow: 'once', step: 'before-commit', isCommitted: false },
  { flow: 'once', trap: 'in-commit', session: 'is ended', isCommitted: false },
  { flow: 'once', trap: 'in-commit', session: 'goes on', isCommitted: true },
  { flow: 'once', step: 'after-commit', isCommitted: true },
  { flow: 'once', step: 'before-answer', isCommitted: true },
  { flow: 'once', step: 'after-answer', isCommitted: true },
];

export function nameOf(cut: Cut): string {
  const where = 'step' in cut ? cut.step : `${cut.trap}-session-${cut.session.replaceAll(' ', '-')}`;
  return `${cut.flow}-${where}`;
}
