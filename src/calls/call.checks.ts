import type { EngineDatabase } from '../database/engine-database.js';
import { commandLine } from '../database/sql/pasteable-text.js';
import type { Check } from '../maintenance/finding.js';
import { CallLookStore } from './call-look.store.js';

/** How many calls the doctor names. */
const MOST_NAMED = 100;
const OVERDUE_SECONDS = 60;
const UNKNOWN_DAYS = 7;

/** What the doctor says about calls. */
export function callChecks(db: EngineDatabase): Check[] {
  return [
    {
      name: 'call-overdue',
      severity: 'critical',
      run: async () => {
        const found = await new CallLookStore(db).overdue(OVERDUE_SECONDS, MOST_NAMED);
        return found.map(({ id, type, deadlineAt }) => ({
          about: [id],
          since: deadlineAt,
          finding: `The deadline of call ${id} of type "${type}" has passed, and the call has not ended.`,
          meaning: 'No process with CallsModule looks after deadlines, so nobody learns that it failed.',
          fix: 'Start a process that imports CallsModule and has the role all or worker, and see that the setting processor.enabled is on.',
          details: { callId: id, type },
        }));
      },
    },
    {
      name: 'call-outcome-unknown',
      run: async () => {
        const found = await new CallLookStore(db).unknown(UNKNOWN_DAYS, MOST_NAMED);
        return found.map(({ id, type, endedAt }) => ({
          about: [id],
          since: endedAt,
          finding: `Nobody knows whether call ${id} of type "${type}" was taken by the other system.`,
          meaning: 'The call has failed here, and the other system may have done what was asked.',
          fix: `Look at the other system. If it has not, repeat it (${commandLine(db, 'calls retry', [id])}).`,
          details: { callId: id, type },
        }));
      },
    },
  ];
}
