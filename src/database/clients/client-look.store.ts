import { arrayText } from '../wire/plain-values.js';
import type { SqlClient } from './sql-client.js';

/**
 * The text holds what drivers, and layers above them, change most easily: quotes, backslashes, characters
 * beyond ASCII, and what looks like a parameter.
 */
const HARD_TEXT = `"double" 'single' \\back\\\\slash\\" {a,NULL} ü € 😀 ? $1 :name @p1 %s --`;
/** The number is larger than 2^31. */
const LARGE_NUMBER = 4_503_599_627_370_497;

/**
 * Sends a JSON value and a list through a client. Returns the names of what came back changed. The list is
 * empty if nothing was changed.
 */
export async function listChangedValues(client: SqlClient): Promise<string[]> {
  const json = JSON.stringify({ text: HARD_TEXT, list: [HARD_TEXT, 1.5, null] });
  const answer: unknown = await client.$queryRawUnsafe(
    `SELECT $1::text::jsonb->>'text' AS json, ($2::text::jsonb[])[2]->'list'->>0 AS list, ($3::bigint)::text AS number,
            ($4::text IS NULL)::text AS empty`,
    json,
    arrayText(['{}', json]),
    LARGE_NUMBER,
    null,
  );
  const row = Array.isArray(answer) ? (answer[0] as Record<string, unknown> | undefined) : undefined;
  if (row === undefined) return ['the rows of the answer, which must be an array of objects'];
  return [
    ...(row.json === HARD_TEXT ? [] : ['a JSON value']),
    ...(row.list === HARD_TEXT ? [] : ['a list of JSON values']),
    ...(Number(row.number) === LARGE_NUMBER ? [] : ['a bigint']),
    ...(row.empty === 'true' ? [] : ['a null']),
  ];
}
