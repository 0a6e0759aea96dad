import type { StandardSchemaV1 } from '@standard-schema/spec';
import { IntegrationError, messageOf } from '../../errors.js';
import { loadPeer } from '../../words/optional-peer.js';
import {
  type EventSchema,
  type JsonSchema,
  PREPARE,
  type PreparedSchema,
  type SchemaResult,
} from './event-schema.js';
import { jsonForm } from './json-form.js';

/** What is used of ajv. */
interface Ajv {
  compile(schema: object): AjvCheck;
}
interface AjvCheck {
  (value: unknown): boolean;
  errors?: readonly AjvError[] | null;
}
interface AjvError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
}

const NEEDED_BY = 'jsonSchema(…) of nestjs-integration/contracts';
const NEEDED_FOR_FORMATS = 'The keyword "format" in jsonSchema(…) of nestjs-integration/contracts';

/**
 * A JSON Schema as the schema of a contract. `T` is the type of the payload; the compiler does not compare
 * the two. Drafts 7, 2019-09 and 2020-12 are told apart by `$schema`. Defaults of the schema are filled in.
 *
 * It needs the package `ajv`, and `ajv-formats` for the keyword `format`. The boot fails with
 * INTEGRATION_PEER_MISSING without them, and with INTEGRATION_OPTIONS_INVALID for a schema that ajv refuses.
 */
export function jsonSchema<T = unknown>(schema: JsonSchema): EventSchema<T> {
  return new AjvSchema<T>(schema);
}

class AjvSchema<T> implements EventSchema<T>, PreparedSchema {
  readonly '~standard': StandardSchemaV1.Props<T, T> & { readonly jsonSchema: object };
  private check: AjvCheck | undefined;

  constructor(private readonly schema: JsonSchema) {
    this['~standard'] = {
      version: 1,
      vendor: 'nestjs-integration',
      validate: (value) =>
        this.validate(value) as StandardSchemaV1.Result<T> | Promise<StandardSchemaV1.Result<T>>,
      jsonSchema: { input: () => this.schema, output: () => this.schema },
    };
  }

  async [PREPARE](): Promise<void> {
    this.check ??= await compile(this.schema);
  }

  /** Answers at once, except for the very first time if nobody has prepared it. */
  private validate(value: unknown): SchemaResult | Promise<SchemaResult> {
    const { check } = this;
    return check === undefined ? this[PREPARE]().then(() => this.validate(value)) : resultOf(check, value);
  }
}

function resultOf(check: AjvCheck, value: unknown): SchemaResult {
  // ajv writes defaults into what it is given.
  const copy = jsonForm(value);
  if (check(copy)) return { value: copy };
  return { issues: (check.errors ?? []).map((error) => ({ message: wordsOf(error), path: pathOf(error) })) };
}

/** A property that is missing, or that must not be there, is part of the path. */
function pathOf({ instancePath, keyword, params }: AjvError): (string | number)[] {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((segment) => (/^\d+$/.test(segment) ? Number(segment) : segment));
  const named = keyword === 'required' ? params.missingProperty : params.additionalProperty;
  return typeof named === 'string' ? [...path, named] : path;
}

function wordsOf({ keyword, message, params }: AjvError): string {
  if (keyword === 'required') return 'is missing';
  if (keyword === 'additionalProperties') return 'is not a property of the schema';
  if (keyword === 'enum') return `must be one of ${JSON.stringify(params.allowedValues)}`;
  return message ?? `does not fit the keyword ${keyword}`;
}

async function compile(schema: JsonSchema): Promise<AjvCheck> {
  const options = { allErrors: true, strict: false, useDefaults: true };
  const ajv = await ajvFor(schema, options);
  if (JSON.stringify(schema).includes('"format":')) await addFormats(ajv);
  try {
    return ajv.compile(schema);
  } catch (cause) {
    throw new IntegrationError(
      'INTEGRATION_OPTIONS_INVALID',
      `jsonSchema(…) was given a schema that ajv refuses: ${messageOf(cause)}`,
      {},
      { cause },
    );
  }
}

async function ajvFor({ $schema }: JsonSchema, options: object): Promise<Ajv> {
  const draft = String($schema);
  const module: unknown = await loadPeer(
    'ajv',
    async () => {
      if (draft.includes('2020-12')) return import('ajv/dist/2020.js');
      return draft.includes('2019-09') ? import('ajv/dist/2019.js') : import('ajv');
    },
    NEEDED_BY,
  );
  return new (constructorIn(module))(options);
}

async function addFormats(ajv: Ajv): Promise<void> {
  const module: unknown = await loadPeer('ajv-formats', () => import('ajv-formats'), NEEDED_FOR_FORMATS);
  (defaultOf(module) as (ajv: Ajv) => void)(ajv);
}

function constructorIn(module: unknown): new (options: object) => Ajv {
  return defaultOf(module) as new (
    options: object,
  ) => Ajv;
}

/** A CommonJS module that is imported has its default under `default`, and a bundler may add one more. */
function defaultOf(module: unknown): unknown {
  let found = module;
  while (typeof found === 'object' && found !== null && 'default' in found) found = found.default;
  return found;
}
