import type { EngineDatabase } from './engine-database.js';
import type { EngineSession } from './sql/engine-session.js';
import { NarrowText } from './sql/narrow-text.js';

/** The bytes of a single-byte encoding, and the characters that they stand for. */
const SINGLE_BYTES = { first: 128, last: 255, inUtf8: `convert_to(chr(code), 'UTF8')`, check: '' };
/**
 * The characters of the first plane without the surrogates. No other encoding that matters has characters
 * beyond the first plane.
 */
const CHARACTERS = {
  first: 0x80,
  last: 0xffff,
  inUtf8: `decode(CASE WHEN code < 2048 THEN to_hex((192 + (code >> 6)) * 256 + 128 + (code & 63))
    ELSE to_hex(((224 + (code >> 12)) * 256 + 128 + ((code >> 6) & 63)) * 256 + 128 + (code & 63)) END, 'hex')`,
  check: `CONTINUE WHEN code BETWEEN 55296 AND 57343; PERFORM convert_from(utf8, 'UTF8');`,
};

/** The texts that the encoding of the database can hold. Undefined for UTF8, which holds everything. */
export async function narrowTextOf(db: EngineDatabase): Promise<NarrowText | undefined> {
  const [row] = await db.query<{ encoding: string; bytes: number }>(
    `SELECT current_setting('server_encoding') AS encoding, pg_encoding_max_length(encoding) AS bytes
     FROM pg_database WHERE datname = current_database()`,
  );
  if (row === undefined || row.encoding === 'UTF8') return undefined;
  if (row.encoding === 'SQL_ASCII') return NarrowText.ofBytes(row.encoding);
  const held = await db.transaction((session) => heldCharacters(session, row.bytes === 1));
  return NarrowText.ofCharacters(row.encoding, held);
}

/** The characters beyond ASCII that the database can hold. The server tries each one. */
async function heldCharacters(session: EngineSession, hasSingleBytes: boolean): Promise<string> {
  const { first, last, inUtf8, check } = hasSingleBytes ? SINGLE_BYTES : CHARACTERS;
  await session.query(`
    DO $$
    DECLARE held bytea := ''; utf8 bytea;
    BEGIN
      FOR code IN ${first}..${last} LOOP
        BEGIN
          utf8 := ${inUtf8};
          ${check}
          held := held || utf8;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
      END LOOP;
      PERFORM set_config('integration.held_characters', encode(held, 'hex'), true);
    END $$`);
  const [row] = await session.query<{ held: string }>(
    `SELECT current_setting('integration.held_characters') AS held`,
  );
  return Buffer.from(row?.held ?? '', 'hex').toString('utf8');
}
