import type { EventSchema } from '../../contracts/schemas/event-schema.js';
import { isEventSchema } from '../../contracts/schemas/event-schema.js';
import { invalidArgument } from '../../words/argument-checks.js';

/** A kind of records that syncs keep. Its name is a part of the names of events. */
export interface ConnectorModel<S extends EventSchema = EventSchema> {
  readonly name: string;
  readonly schema: S;
  /** Whether its events may leave the application. */
  readonly visibility: 'internal' | 'public';
  readonly description: string | undefined;
}

export interface ModelOptions<S extends EventSchema> {
  /** `employee`: small letters, digits, `_` and `-`, at most 63 characters. */
  name: string;
  /** What a record is. Its output is what is stored and published. */
  schema: S;
  /** Default: internal. */
  visibility?: 'internal' | 'public' | undefined;
  description?: string | undefined;
}

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const MODELS = new WeakSet<object>();

/**
 * Declares a kind of records, for `@ConnectorSync`.
 *
 * ```ts
 * export const Employee = defineModel({ name: 'employee', schema: z.object({ work_email: z.string() }) });
 * ```
 *
 * @throws IntegrationError INTEGRATION_ADMIN_INVALID for a name or a schema that cannot be used
 */
export function defineModel<S extends EventSchema>(options: ModelOptions<S>): ConnectorModel<S> {
  const { name, schema, visibility = 'internal', description } = options;
  if (!NAME.test(String(name)))
    throw invalidArgument('The name of a model must have 1 to 63 small letters, digits, "_" and "-"');
  if (!isEventSchema(schema)) throw invalidArgument(`The model ${name} needs a schema`);
  const model = Object.freeze({ name, schema, visibility, description });
  MODELS.add(model);
  return model;
}

export function isModel(value: unknown): value is ConnectorModel {
  return typeof value === 'object' && value !== null && MODELS.has(value);
}
