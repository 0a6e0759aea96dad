import type { EngineDatabase } from '../../database/engine-database.js';
import type { Check } from '../../maintenance/finding.js';
import { SyncTroubleStore, type TroubledStream } from './sync-trouble.store.js';

/** How many streams the doctor names. */
const MOST_NAMED = 100;
const LATE_SECONDS = 300;

const nameOf = ({ connector, sync, connectionId }: TroubledStream) =>
  `Sync ${connector}.${sync} of connection ${connectionId}`;
const aboutOf = (stream: TroubledStream) => ({
  about: [stream.id],
  since: stream.since,
  details: { streamId: stream.id, connectionId: stream.connectionId, sync: stream.sync },
});

/** What the doctor says about syncs. */
export function syncChecks(db: EngineDatabase): Check[] {
  return [
    {
      name: 'sync-late',
      severity: 'critical',
      run: async () => {
        const found = await new SyncTroubleStore(db).late(LATE_SECONDS, MOST_NAMED);
        return found.map((stream) => ({
          ...aboutOf(stream),
          finding: `${nameOf(stream)} was due at ${stream.since.toISOString()}, and nobody runs it.`,
          meaning: 'What changes at the other system is not known here.',
          fix: 'Start a process that imports ConnectorsModule and has the role all or worker, and see that the settings processor.enabled and syncs.enabled are on. If one runs, raise syncs.maxConcurrent.',
        }));
      },
    },
    {
      name: 'sync-stalled',
      run: async () => {
        const found = await new SyncTroubleStore(db).inStatus('stalled', MOST_NAMED);
        return found.map((stream) => ({
          ...aboutOf(stream),
          finding: `${nameOf(stream)} uses up its time, and its checkpoint does not move.`,
          meaning: 'It asks for the same records again and again, and never comes to its end.',
          fix: 'Yield a checkpoint with each page, or raise maxRunMs of the sync.',
        }));
      },
    },
    {
      name: 'sync-suspicious',
      run: async () => {
        const found = await new SyncTroubleStore(db).inStatus('suspicious', MOST_NAMED);
        return found.map((stream) => ({
          ...aboutOf(stream),
          finding: `${nameOf(stream)} would delete so many records that a person is asked.`,
          meaning:
            'Nothing is deleted. If the records are gone at the other system, they are still there here.',
          fix: 'Look at the other system. If they are gone, call confirmDeletions of SyncsService. If not, the next run finds them again.',
        }));
      },
    },
  ];
}
