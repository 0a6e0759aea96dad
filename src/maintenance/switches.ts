import type { EngineDatabase } from '../database/engine-database.js';
import { type CommandTarget, commandLine } from '../database/sql/pasteable-text.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { SETTING_PREFIX } from '../settings/settings-definitions.js';
import type { Check, Found } from './finding.js';
import { SwitchesStore, type SwitchState } from './switches.store.js';

interface Switch {
  readonly setting: 'enabled' | 'processor.enabled';
  /** Whether it matters to processes that run consumers only. */
  readonly ofConsumers: boolean;
  /** What is off. */
  readonly what: string;
  readonly meaning: string;
}

/** The settings with which publishing, or delivery, stands still. No number of a setting does that. */
const SWITCHES: readonly Switch[] = [
  {
    setting: 'enabled',
    ofConsumers: false,
    what: 'Publishing',
    meaning:
      'Each call that publishes is refused with INTEGRATION_OUTBOX_DISABLED. What is in the log already is delivered.',
  },
  {
    setting: 'processor.enabled',
    ofConsumers: true,
    what: 'Processing',
    meaning:
      'No process handles events, or sends one again that was redriven or replayed. They wait in the log and in the inbox.',
  },
];

/**
 * Names what somebody has switched off. Only a person knows whether that is still meant so, and it is easily
 * forgotten: nothing fails meanwhile.
 */
export function switchesCheck(db: EngineDatabase, settings: IntegrationSettingsService): Check {
  return {
    name: 'switched-off',
    run: async () => {
      const asked = SWITCHES.map(({ setting, ofConsumers }) => ({
        key: `${SETTING_PREFIX}${setting}`,
        ofConsumers,
      }));
      const states = await new SwitchesStore(db).states(asked, settings.snapshot().processingLeaseMs);
      return SWITCHES.flatMap((each) => {
        const state = states.find(({ key }) => key === `${SETTING_PREFIX}${each.setting}`);
        const where = state && whereOff(state, settings.get(each.setting));
        return where === undefined ? [] : [foundOf(each, state as SwitchState, where, db)];
      });
    },
  };
}

/**
 * Where it is off, or undefined if it is not off everywhere. A stored value holds in every process. Without
 * one, a single process in which it is on does the work. The value here counts only if no process is there.
 */
function whereOff({ stored, storedBy, on, off }: SwitchState, isOnHere: boolean): string | undefined {
  if (stored === false) return storedBy === null ? 'for all processes' : `for all processes, by ${storedBy}`;
  if (stored === true || on > 0) return undefined;
  if (off > 0) return `in each live process (${off}) by its environment, its configuration or its options`;
  return isOnHere ? undefined : 'by the environment or the options that hold here, and no process is there';
}

function foundOf(
  { setting, what, meaning }: Switch,
  { key, stored, storedAt, storedBy, off }: SwitchState,
  where: string,
  target: CommandTarget,
): Found {
  const isStored = stored === false;
  return {
    about: [setting],
    since: isStored ? storedAt : null,
    finding: `${what} is switched off ${where}: ${setting} is false.`,
    meaning,
    fix: `If it is not meant so any more, switch it on for all processes: ${commandLine(target, 'settings set', [setting, 'true'])}${isStored ? `. Who switched it off, and why: ${commandLine(target, 'settings history', [setting])}` : ''}`,
    action: { service: 'IntegrationSettingsService', method: 'set', arguments: [key, true] },
    details: { setting: key, isStored, by: isStored ? storedBy : null, processes: off },
  };
}
