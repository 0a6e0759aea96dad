import type pg from 'pg';
import { answerWithin } from '../wire/answer-within.js';
import { forEachRow } from '../wire/row-reader.js';
import type { RowSource } from '../wire/row-source.js';
import { answerLimit } from './session-settings.store.js';

/**
 * Runs the statements of `fn` on an idle client. All of them see what was committed when the first of them
 * began.
 */
export async function readSnapshot<R>(
  client: pg.ClientBase,
  fn: (source: RowSource) => Promise<R>,
): Promise<R> {
  const answered = <A>(work: Promise<A>) => answerWithin(answerLimit(), work);
  await answered(client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'));
  try {
    return await fn({
      forEachRow: (statement, onRow) => answered(forEachRow(client, statement, onRow)),
    });
  } finally {
    // If the connection does not answer any more, this fails too, and the connection is given up.
    await answered(client.query('ROLLBACK'));
  }
}
