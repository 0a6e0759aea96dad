import * as pg from 'pg';

/*
 * How columns are read. Node-postgres has parsers for a whole process, which a host may set
 * (`pg.types.setTypeParser`), and defaults, such as binary results. Both are for the host's own statements.
 * The engine's connections have parsers of their own.
 */

type Parser = (text: string) => unknown;
type Format = 'text' | 'binary';

const TEXT = 25;
const VARCHAR = 1043;
const INT8 = 20;

const ELEMENT = /"((?:[^"\\]|\\.)*)"|[^,{}]+/gs;

/** Lists of one dimension: `{a,"b \\"c\\"",NULL}`. */
function listOf(parse: Parser): Parser {
  return (text) =>
    Array.from(text.matchAll(ELEMENT), ([element, quoted]) => {
      if (quoted !== undefined) return parse(quoted.replace(/\\(.)/gs, '$1'));
      return element === 'NULL' ? null : parse(element);
    });
}

/**
 * By the type's number. What is not here is read as its text. bigint as a number: positions stay far below
 * 2^53.
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

/** For the connections on which the engine's statements run alone. */
export const ENGINE_TYPES = {
  getTypeParser: (oid: number) => PARSERS[oid] ?? asItIs,
} as pg.CustomTypesConfig;

/**
 * For statements of the engine among those of the host: what the engine reads there are texts. Everything
 * else is read as the host has it; the engine's own client has bigint columns as numbers.
 */
export const OWN_CLIENT_TYPES = hostTypes({ [INT8]: Number });
export const HOST_CLIENT_TYPES = hostTypes({});

function hostTypes(own: Readonly<Record<number, Parser>>): pg.CustomTypesConfig {
  const parsers: Readonly<Record<number, Parser>> = { [TEXT]: asItIs, [VARCHAR]: asItIs, ...own };
  return {
    getTypeParser: (oid: number, format?: Format) => parsers[oid] ?? pg.types.getTypeParser(oid, format),
  } as pg.CustomTypesConfig;
}

/** Texts are the same bytes in the binary form. */
function asItIs(text: string | Buffer): string {
  return String(text);
}

function isTrue(text: string): boolean {
  return text === 't';
}

const TIME =
  /^(\d{4,6})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?( BC)?$/;

/** In the ISO style, which the engine's sessions set. `infinity` is a number, as node-postgres has it. */
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
