/*
 * Makes the binary form of a column from its text (DateStyle ISO). Node-postgres decodes every column as
 * UTF-8, which spoils binary values. So where the driver reads the rows, they are requested as texts.
 */

const INT8 = 20;
const JSONB_VERSION = 1;
const YEAR_2000 = Date.UTC(2000, 0);
const TIME = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::(\d\d))?$/;

/** The forms by the number (OID) of the type. */
const FORMS: Readonly<Record<number, (text: string) => Buffer>> = {
  16: (text) => Buffer.from([text === 't' ? 1 : 0]),
  [INT8]: int8,
  21: (text) => integer(2, text),
  23: (text) => integer(4, text),
  25: textual,
  114: textual,
  1016: listOfInt8,
  1043: textual,
  1184: time,
  3802: (text) => Buffer.concat([Buffer.from([JSONB_VERSION]), textual(text)]),
};

/** Throws for a type that none of these statements uses. */
export function binaryFormOf(type: number, text: string): Buffer {
  const form = FORMS[type];
  if (form === undefined) throw new Error(`No binary form of columns of the type ${type} is known here`);
  return form(text);
}

function textual(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}

function integer(bytes: number, text: string): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeIntBE(Number(text), 0, bytes);
  return buffer;
}

function int8(text: string | bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(BigInt(text));
  return buffer;
}

/** The time in microseconds since 2000. */
function time(text: string): Buffer {
  const match = TIME.exec(text);
  if (match === null) throw new Error('A time is shown in a style that is not known here');
  const [year = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1, 7).map(Number);
  const [fraction = '', sign, zoneHours = 0, zoneMinutes = 0] = match.slice(7);
  const offset = (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === '-' ? -1 : 1);
  const at = Date.UTC(year, month - 1, day, hours, minutes - offset, seconds) - YEAR_2000;
  return int8(BigInt(at) * 1_000n + BigInt(fraction.padEnd(6, '0')));
}

/**
 * The list as the function array_send of the server writes it: number of dimensions, whether there is a null,
 * type of the elements; length, first index; elements.
 */
function listOfInt8(text: string): Buffer {
  const elements = text === '{}' ? [] : text.slice(1, -1).split(',');
  const hasNull = elements.includes('NULL');
  const header = [elements.length === 0 ? 0 : 1, hasNull ? 1 : 0, INT8];
  const numbers = elements.length === 0 ? header : [...header, elements.length, 1];
  return Buffer.concat([
    ...numbers.map((number) => integer(4, String(number))),
    ...elements.flatMap((each) => (each === 'NULL' ? [NULL_LENGTH] : [INT8_LENGTH, int8(each)])),
  ]);
}

const INT8_LENGTH = Buffer.from([0, 0, 0, 8]);
const NULL_LENGTH = Buffer.from([255, 255, 255, 255]);
