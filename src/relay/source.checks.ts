import type { EngineDatabase } from '../database/engine-database.js';
import { sqlLiteral } from '../database/sql/pasteable-text.js';
import type { Check } from '../maintenance/finding.js';
import { SOURCE_LEASES } from './sources/source-definition.js';
import { desertedSources } from './sources/source-lease.store.js';

/** What the doctor says about sources. */
export function sourceChecks(db: EngineDatabase): Check[] {
  return [
    {
      name: 'source-without-process',
      run: async () =>
        (await desertedSources(db)).map(({ name, since }) => ({
          about: [name],
          since,
          finding: `The source "${name}" is run by no process.`,
          meaning: 'Its messages wait at the broker, which may drop them after a time of its own.',
          fix: `Start a process with this source and processor.enabled. If the source is gone: DELETE FROM ${db.tables.integrationLease} WHERE name = ${sqlLiteral(`${SOURCE_LEASES}${name}`)}`,
          details: { name },
        })),
    },
  ];
}
