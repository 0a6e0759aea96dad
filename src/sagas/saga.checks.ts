import type { EngineDatabase } from '../database/engine-database.js';
import { commandLine } from '../database/sql/pasteable-text.js';
import type { Check } from '../maintenance/finding.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { called } from './saga-errors.js';
import { SagaLookStore } from './saga-look.store.js';
import { sagaSettings } from './saga-settings.js';

/** How many sagas the doctor names. */
const MOST_NAMED = 100;

/** What the doctor says about sagas. */
export function sagaChecks(db: EngineDatabase, settings: IntegrationSettingsService): Check[] {
  return [
    {
      name: 'saga-stuck',
      run: async () => {
        const { stuckAfterHours } = settings.snapshotOf(sagaSettings);
        const stuck = await new SagaLookStore(db, stuckAfterHours).stuck(MOST_NAMED);
        return stuck.map(({ saga, key, step, changedAt }) => ({
          about: [saga, key],
          since: changedAt,
          finding: `${called(saga, key)} has been in the step ${JSON.stringify(step)} without a change for more than ${stuckAfterHours} hours, and has no timeout to come.`,
          meaning: 'What it waits for may never come. It does nothing until then.',
          fix: `Look at it (${commandLine(db, 'sagas show', [saga, key])}). Have sent again what failed (sagas retry), or end it (sagas end). A timeout in the saga would notice this by itself.`,
          details: { saga, key, step },
        }));
      },
    },
  ];
}
