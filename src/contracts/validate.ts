import { IntegrationError } from '../errors.js';
import { type EventSchema, resultFrom, type SchemaResult } from './schemas/event-schema.js';

/** What a schema said. `thrown` is what it threw in the place of an answer. */
export type SchemaVerdict = SchemaResult & { readonly thrown?: unknown };

/**
 * Asks a schema about a value. A schema that throws says no: a rule of one's own was not made for such a
 * value, or the value is nested more deeply than the schema can follow. So does one that answers otherwise
 * than Standard Schema has it.
 *
 * @throws IntegrationError of a schema of this package, such as INTEGRATION_PEER_MISSING
 */
export function validate(schema: EventSchema, value: unknown): SchemaVerdict | Promise<SchemaVerdict> {
  return verdictFrom(() => {
    if (answersLater.has(schema)) return answerLater(schema, value);
    const answer: unknown = schema['~standard'].validate(value);
    if (isThenable(answer)) answersLater.add(schema);
    return answer;
  });
}

/** The same for callers that wait in any case. */
export async function validateLater(schema: EventSchema, value: unknown): Promise<SchemaVerdict> {
  return verdictFrom(() => answerLater(schema, value));
}

function verdictFrom(ask: () => unknown): SchemaVerdict | Promise<SchemaVerdict> {
  try {
    const answer = ask();
    // A promise of another realm, or of a library, is not an instance of the class Promise of this one.
    return isThenable(answer) ? Promise.resolve(answer).then(verdictOf).catch(refused) : verdictOf(answer);
  } catch (error) {
    return refused(error);
  }
}

/** Schemas that have answered with a promise. */
const answersLater = new WeakSet<EventSchema>();

/** What is used of a schema of zod. */
interface ZodSchema {
  safeParseAsync?(
    value: unknown,
  ): Promise<{ success: true; data: unknown } | { success: false; error: { issues: unknown } }>;
}

/**
 * By Standard Schema, zod first tries to answer at once. If one of its rules is asynchronous, it forgets the
 * promise of that rule and asks again. Where the rule rejects, nobody handles the promise that is forgotten,
 * and Node ends the process.
 */
function answerLater(schema: EventSchema, value: unknown): unknown {
  const { safeParseAsync } = schema as ZodSchema;
  const isZod = schema['~standard'].vendor === 'zod' && typeof safeParseAsync === 'function';
  if (!isZod) return schema['~standard'].validate(value);
  return safeParseAsync
    .call(schema, value)
    .then((answer) => (answer.success ? { value: answer.data } : { issues: answer.error.issues }));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof Object(value).then === 'function';
}

function verdictOf(answer: unknown): SchemaVerdict {
  return resultFrom(answer as SchemaResult | undefined);
}

/** The message of the error may repeat what was given, and a payload must not appear in logs. */
function refused(error: unknown): SchemaVerdict {
  if (error instanceof IntegrationError) throw error;
  if (error instanceof RangeError) return no('is nested too deeply for its schema, or makes it fail', error);
  return no(`makes its schema throw ${kindOfError(error)}`, error);
}

function no(message: string, thrown?: unknown): SchemaVerdict {
  return { issues: [{ message }], ...(thrown === undefined ? {} : { thrown }) };
}

/** Its class, in words. Its message may repeat what was given. */
export function kindOfError(error: unknown): string {
  const name: unknown = error instanceof Error ? error.constructor?.name : undefined;
  return typeof name === 'string' && /^\w{1,60}$/.test(name) ? `a ${name}` : 'an error';
}
