/** An answer of node-postgres. Some libraries pass it on as it is. */
export interface PgAnswer {
  readonly rows: unknown[];
  readonly rowCount: number | null;
}

/** Turns an answer of node-postgres into the answer of an adapter. */
export function answerOfPg({ rows, rowCount }: PgAnswer): { rows: unknown[]; count: number } {
  return { rows, count: rowCount ?? 0 };
}

const heard = new WeakSet<object>();

/**
 * Listens to the errors of a client that is in use. A pool of node-postgres listens only to its idle clients,
 * and an error event without a listener ends the process. Nothing is done here, because each statement that
 * fails for this reason says so itself.
 */
export function hearErrors(client: { on?(event: 'error', listener: () => void): unknown }): void {
  if (heard.has(client) || typeof client.on !== 'function') return;
  heard.add(client);
  client.on('error', () => {});
}
