import * as pg from 'pg';

/*
 * How columns are read. Node-postgres has parsers that hold for a whole process. A host may set them
 * (`pg.types.setTypeParser`), and may set defaults such as binary results. Both are meant for the statements
 * of the host, so the connections of the engine have parsers of their own.
 */

type Parser = (text: string) => unknown;
type Format = 'text' | 'binary';

const TEXT = 25;
const VARCHAR = 1043;
const INT8 = 20;

const ELEMENT = /"((?:[^"\\]|\\.)*)"|[^,{}]+/gs;

/** Parses lists of one dimension: `{a,"b \\"c\\"",NULL}`. */
function listOf(parse: Parser): Parser {
  return (text) =>
    Array.from(text.matchAll(ELEMENT), ([element, quoted]) => {
      if (quoted !== undefined) return parse(quoted.replace(/\\(.)/gs, '$1'));
      return element === 'NULL' ? null : parse(element);
    });
}

/**
 * The parsers by the number (OID) of the type. Any other type is read as its text. A bigint is read as a
 * number, because positions stay far below 2^53.
 */
const PARSERS: Readonly<Record<number, Parser>> = {
  16: isTrue,
  [INT8]: Number,
  21: Number,
  23: Number,
  26: Number,
  700: Number,
  701: Number,
  114: (text) => JSON.parse(text),
  3802: (text) => JSON.parse(text),
  1184: timeIn,
  1000: listOf(isTrue),
  1005: listOf(Number),
  1007: listOf(Number),
  1009: listOf(String),
  1015: listOf(String),
  1016: listOf(Number),
  1028: listOf(Number),
  1185: listOf(timeIn),
  2951: listOf(String),
};

/** For the connections on which only statements of the engine run. */
export const ENGINE_TYPES = {
  getTypeParser: (oid: number) => PARSERS[oid] ?? asItIs,
} as pg.CustomTypesConfig;

/**
 * For connections that run statements of the host and of the engine. The columns that the engine reads there
 * are texts. All other types are read as the host has set them. On the own client of the engine, bigint
 * columns are numbers.
 */
export const OWN_CLIENT_TYPES = hostTypes({ [INT8]: Number });
export const HOST_CLIENT_TYPES = hostTypes({});

function hostTypes(own: Readonly<Record<number, Parser>>): pg.CustomTypesConfig {
  const parsers: Readonly<Record<number, Parser>> = { [TEXT]: asItIs, [VARCHAR]: asItIs, ...own };
  return {
    getTypeParser: (oid: number, format?: Format) => parsers[oid] ?? pg.types.getTypeParser(oid, format),
  } as pg.CustomTypesConfig;
}

/** The binary form of a text has the same bytes. */
function asItIs(text: string | Buffer): string {
  return String(text);
}

function isTrue(text: string): boolean {
  return text === 't';
}

const TIME =
  /^(\d{4,6})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?( BC)?$/;

/**
 * Parses a time in the ISO style, which the sessions of the engine set. `infinity` becomes a number, as in
 * node-postgres.
 */
function timeIn(text: string): Date | number {
  const match = TIME.exec(text);
  if (match === null) return text === '-infinity' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const [year = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1, 7).map(Number);
  const [fraction = '', sign, ...zone] = match.slice(7, 12);
  const [zoneHours = 0, zoneMinutes = 0, zoneSeconds = 0] = zone.map((part) => Number(part ?? 0));
  const offset = ((zoneHours * 60 + zoneMinutes) * 60 + zoneSeconds) * (sign === '-' ? -1_000 : 1_000);
  const time = new Date(0);
  time.setUTCFullYear(match[12] === undefined ? year : 1 - year, month - 1, day);
  time.setUTCHours(hours, minutes, seconds, Number(fraction.padEnd(3, '0').slice(0, 3)));
  return new Date(time.getTime() - offset);
}
