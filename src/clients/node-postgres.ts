/** What node-postgres answers, also where a library passes it on. */
export interface PgAnswer {
  readonly rows: unknown[];
  readonly rowCount: number | null;
}

/** The answer of node-postgres as that of an adapter. */
export function answerOfPg({ rows, rowCount }: PgAnswer): { rows: unknown[]; count: number } {
  return { rows, count: rowCount ?? 0 };
}

const heard = new WeakSet<object>();

/**
 * A pool of node-postgres listens to its idle clients only, and the end of a session that nobody hears of
 * ends the process. What fails because of it is told by the statements that fail.
 */
export function hearErrors(client: { on?(event: 'error', listener: () => void): unknown }): void {
  if (heard.has(client) || typeof client.on !== 'function') return;
  heard.add(client);
  client.on('error', () => {});
}
