import type { StandardSchemaV1 } from '@standard-schema/spec';
import {
  type EventSchema,
  type JsonSchema,
  PREPARE,
  type PreparedSchema,
  type SchemaResult,
} from '../event-schema.js';
import { jsonSchemaOfClass } from './class-json-schema.js';
import { type ClassError, type ClassTools, loadClassTools } from './class-tools.js';

export interface ClassSchemaOptions {
  /** What happens to properties without a decorator: they are removed (the default) or refused. */
  unknownProperties?: 'remove' | 'refuse' | undefined;
  /** Options of class-transformer, such as `groups`. */
  transform?: Readonly<Record<string, unknown>> | undefined;
  /**
   * The JSON Schema of what is stored, by which versions are compared. The default is made from the
   * decorators.
   */
  jsonSchema?: JsonSchema | undefined;
}

/** A class whose instances are payloads. */
type PayloadClass<T extends object> = new (...given: never[]) => T;

/**
 * A class with decorators of class-validator as the schema of a contract. Payloads are instances or plain
 * objects. What is stored is what class-transformer makes of the instance.
 *
 * It needs the packages `class-validator` and `class-transformer`. The boot fails with
 * INTEGRATION_PEER_MISSING without them.
 */
export function classSchema<T extends object>(
  type: PayloadClass<T>,
  options: ClassSchemaOptions = {},
): EventSchema<T> {
  return new ClassSchema<T>(type, options);
}

class ClassSchema<T extends object> implements EventSchema<T>, PreparedSchema {
  readonly '~standard': StandardSchemaV1.Props<T, T> & { readonly jsonSchema: object };
  private tools: ClassTools | undefined;

  constructor(
    private readonly type: PayloadClass<T>,
    private readonly options: ClassSchemaOptions,
  ) {
    const toJsonSchema = () => options.jsonSchema ?? this.toJsonSchema();
    this['~standard'] = {
      version: 1,
      vendor: 'class-validator',
      validate: (value) => this.validate(value) as Promise<StandardSchemaV1.Result<T>>,
      jsonSchema: { input: toJsonSchema, output: toJsonSchema },
    };
  }

  async [PREPARE](): Promise<void> {
    this.tools ??= await loadClassTools();
  }

  private toJsonSchema(): JsonSchema {
    if (this.tools === undefined) throw new Error('class-validator is not loaded yet');
    const { transform = {}, unknownProperties } = this.options;
    return jsonSchemaOfClass(this.type, this.tools, transform, unknownProperties === 'refuse');
  }

  private async validate(value: unknown): Promise<SchemaResult> {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return { issues: [{ message: 'must be an object' }] };
    const { validate, toInstance, toPlain } = this.tools ?? (await loadClassTools());
    const { transform = {}, unknownProperties } = this.options;
    const instance = value instanceof this.type ? value : toInstance(this.type, value, transform);
    const errors = await validate(instance, {
      whitelist: true,
      forbidNonWhitelisted: unknownProperties === 'refuse',
      forbidUnknownValues: false,
    });
    const issues = errors.flatMap((error) => issuesOf(error, []));
    return issues.length > 0 ? { issues } : { value: toPlain(instance, transform) };
  }
}

function issuesOf(
  { property, constraints = {}, children = [] }: ClassError,
  outer: readonly (string | number)[],
): StandardSchemaV1.Issue[] {
  const path = [...outer, /^\d+$/.test(property) ? Number(property) : property];
  return [
    ...Object.values(constraints).map((message) => ({ message, path })),
    ...children.flatMap((child) => issuesOf(child, path)),
  ];
}
