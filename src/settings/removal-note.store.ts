import type { EngineSession } from '../database/sql/engine-session.js';
import { tablesOf } from '../database/sql/tables.js';

/** The key under which the removal of a consumer is noted among the changes of settings. */
export function removalKey(name: string): string {
  return `left('consumers.' || ${name}, 127)`;
}

/** Notes that somebody wanted the consumer removed. It runs in the transaction that removes the consumer. */
export async function noteRemoval(
  session: EngineSession,
  schema: string,
  consumerName: string,
  eventNames: readonly string[],
): Promise<void> {
  await session.query(
    `INSERT INTO ${tablesOf(schema).integrationSettingChange} (key, old_value, changed_by)
     VALUES (${removalKey('$1::text')}, to_jsonb($2::text[]), coalesce(nullif(current_setting('integration.changed_by', true), ''), session_user))`,
    [consumerName, eventNames],
  );
}
