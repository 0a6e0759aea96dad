/*
 * The one look at an error that somebody else has made. Whoever judges a failure (is the connection lost,
 * what did the server say, what is written to the log) asks here, so that all of them judge the same.
 *
 * Nothing about such an error may be trusted. Its causes may form a circle or a chain of thousands. A getter
 * may throw, or may make another object each time that it is read. Its message may be as long as a file. So
 * every field is read once in one turn of the event loop, each read may fail by itself, at most
 * `MOST_OBJECTS` objects of one error are looked at, and a long message is cut. The work for one error is
 * bounded, whatever it consists of. Only code of the host that never returns cannot be bounded.
 */

/** The most objects of one error that are looked at. Real errors have fewer than ten. */
export const MOST_OBJECTS = 32;
/** Libraries put what the driver said at the end of a message that begins with the statement. */
const BEGIN_OF_MESSAGE = 4_000;
const END_OF_MESSAGE = 4_000;

const NAMES = [
  'code',
  'originalCode',
  'severity',
  'routine',
  'name',
  'message',
  'cause',
  'driverError',
  'original',
  'meta',
  'driverAdapterError',
  'kind',
  'errors',
] as const;

/** What judges read of an object. A field that cannot be read is undefined. */
export type ErrorFields = Readonly<Record<(typeof NAMES)[number], unknown>> & {
  /** The object itself. Its fields are not read again. */
  readonly of: object;
  readonly hasRoutine: boolean;
  readonly className: unknown;
};

/** What was read in this turn of the event loop. A host may change its error later, and then that counts. */
let readNow: WeakMap<object, ErrorFields> | undefined;

export function fieldsOf(object: object): ErrorFields {
  if (readNow === undefined) {
    readNow = new WeakMap();
    queueMicrotask(() => {
      readNow = undefined;
    });
  }
  const known = readNow.get(object);
  if (known !== undefined) return known;
  const fields = read(object);
  readNow.set(object, fields);
  return fields;
}

/** The fields of an error and of everything that it carries, from the outermost inwards, each object once. */
export function partsOf(error: unknown): readonly ErrorFields[] {
  return [...reachable(error, carriedBy)].map(fieldsOf);
}

/** The error and its causes, each object once, in their order. */
export function causesOf(error: unknown): readonly object[] {
  return [...reachable(error, ({ cause }) => [cause])];
}

/** The errors that one has gathered, as `AggregateError` does. */
export function gatheredBy({ errors }: ErrorFields): readonly unknown[] {
  return firstOf(errors, MOST_OBJECTS);
}

/** Where libraries put an error of theirs: TypeORM in `driverError`, Sequelize in `original`. */
function carriedBy(fields: ErrorFields): unknown[] {
  return [fields.meta, fields.driverAdapterError, fields.cause, fields.driverError, fields.original];
}

function reachable(error: unknown, next: (fields: ErrorFields) => unknown[]): Set<object> {
  const found = new Set<object>();
  const queue: unknown[] = [error];
  // The queue grows during this loop. Each object adds at most five to it, and at most MOST_OBJECTS do.
  for (const each of queue) {
    if (found.size >= MOST_OBJECTS) break;
    if (typeof each !== 'object' || each === null || found.has(each)) continue;
    found.add(each);
    queue.push(...next(fieldsOf(each)));
  }
  return found;
}

function read(object: object): ErrorFields {
  const fields = Object.fromEntries(NAMES.map((name) => [name, fieldOf(object, name)])) as ErrorFields;
  return {
    ...fields,
    of: object,
    message: cut(fields.message),
    hasRoutine: isAnswered(() => 'routine' in object),
    className: fieldOf(fieldOf(object, 'constructor'), 'name'),
  };
}

function fieldOf(object: unknown, name: string): unknown {
  try {
    return (object as Record<string, unknown> | undefined)?.[name];
  } catch {
    return undefined;
  }
}

function isAnswered(question: () => boolean): boolean {
  try {
    return question();
  } catch {
    return false;
  }
}

function cut(message: unknown): unknown {
  if (typeof message !== 'string' || message.length <= BEGIN_OF_MESSAGE + END_OF_MESSAGE) return message;
  return `${message.slice(0, BEGIN_OF_MESSAGE)}\n…\n${message.slice(-END_OF_MESSAGE)}`;
}

/** Not every value that says that it is an array lets its elements be read. */
export function firstOf(list: unknown, most: number): readonly unknown[] {
  try {
    return Array.isArray(list) ? Array.from({ length: Math.min(list.length, most) }, (_, i) => list[i]) : [];
  } catch {
    return [];
  }
}
