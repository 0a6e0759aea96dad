import type { StandardSchemaV1 } from '@standard-schema/spec';

/**
 * A schema of a library that follows Standard Schema (zod, valibot, arktype and others), or what
 * `jsonSchema()` and `classSchema()` return.
 */
export type EventSchema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>;

/** The type of what is published under a schema. */
export type InferInput<S extends EventSchema> = StandardSchemaV1.InferInput<S>;

/** The type of what is stored under a schema, before JSON makes text of it. */
export type InferOutput<S extends EventSchema> = StandardSchemaV1.InferOutput<S>;

/** A JSON Schema, of draft 7 where this package makes it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a schema found: the value to store, or what is wrong with the given one. */
export type SchemaResult = StandardSchemaV1.Result<unknown>;

/** What a schema of this package loads before it is used for the first time. */
export const PREPARE = Symbol.for('nestjs-integration:prepare-schema');

/** A schema of this package. */
export interface PreparedSchema {
  /** Loads the library. Rejects with INTEGRATION_PEER_MISSING, or for a schema that the library refuses. */
  [PREPARE](): Promise<void>;
}

/** Loads what a schema needs, if it is one of this package. */
export async function prepareSchema(schema: EventSchema): Promise<void> {
  if (PREPARE in schema) await (schema as unknown as PreparedSchema)[PREPARE]();
}

/** Whether a value is a schema that `defineEvent` takes. */
export function isEventSchema(value: unknown): value is EventSchema {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const standard = (value as { '~standard'?: unknown })['~standard'];
  return (
    typeof standard === 'object' &&
    standard !== null &&
    typeof (standard as { validate?: unknown }).validate === 'function'
  );
}

/**
 * What a validator answered, as one of the two results that there are. Only an answer with a value and
 * without issues is a yes. A validator of the application may answer anything, also nothing.
 */
export function resultFrom(answer: SchemaResult | null | undefined | boolean): SchemaResult {
  if (typeof answer !== 'object' || answer === null) return NO_ANSWER;
  if (Array.isArray(answer.issues)) return { issues: answer.issues };
  const hasIssues = (answer.issues ?? undefined) !== undefined;
  return !hasIssues && 'value' in answer ? { value: answer.value } : NO_ANSWER;
}

const NO_ANSWER: SchemaResult = {
  issues: [{ message: 'cannot be judged, because its schema answered with neither a value nor issues' }],
};
