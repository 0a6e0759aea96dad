import { AuditStore } from '../../../audit/audit.store.js';
import type { Author } from '../../../audit/change-author.js';
import type { AdminDatabase } from '../../../database/admin-database.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';

/** How a destination was, and is. It has no secrets, and of headers the names. */
export interface NotedChange {
  readonly before?: object;
  readonly after?: object;
}

/** Notes a change of a destination in the audit, in the transaction that makes it. */
export function noteChange(
  admin: AdminDatabase,
  session: EngineSession,
  author: Author,
  verb: string,
  id: string,
  change: NotedChange,
): Promise<void> {
  const noted = { action: `webhook-destinations.${verb}`, target: `webhook-destination/${id}`, affected: 1 };
  return new AuditStore(admin).add(session, author, { ...noted, ...change });
}
