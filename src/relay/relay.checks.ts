import type { EngineDatabase } from '../database/engine-database.js';
import type { Check } from '../maintenance/finding.js';
import { relayList } from './list/relay-list.js';

/** A restart of a broker is over by then. */
const LONG_MS = 3_600_000;

/** What the doctor says about relays. */
export function relayChecks(db: EngineDatabase): Check[] {
  return [
    {
      name: 'relay-unavailable',
      run: async () => {
        const { at, relays } = await relayList(db);
        return relays.flatMap(({ name, consumerName, state, since, reason }) => {
          if (state !== 'unavailable' || since === null || at.getTime() - since.getTime() < LONG_MS)
            return [];
          return [
            {
              about: [consumerName],
              since,
              finding: `The relay "${name}" has not reached its broker since ${since.toISOString()}: ${reason}`,
              meaning:
                'Its events wait in the log and count no attempt. They are sent when the broker is back.',
              fix: 'Bring the broker back, or mend the address and the credentials of the client.',
              details: { name, consumerName, since, reason },
            },
          ];
        });
      },
    },
  ];
}
