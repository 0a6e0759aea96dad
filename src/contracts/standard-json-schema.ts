import { createHash } from 'node:crypto';
import { IntegrationError, messageOf } from '../errors.js';
import { loadPeer } from '../words/optional-peer.js';
import { canonicalText } from './compatibility/schema-node.js';
import type { EventSchema, JsonSchema } from './schemas/event-schema.js';

/** The JSON Schema of what a schema stores, or why there is none. */
export type FoundSchema =
  | { readonly kind: 'found'; readonly schema: JsonSchema; readonly hash: string }
  | { readonly kind: 'none'; readonly why: string };

/** What is used of Standard JSON Schema. */
interface Converting {
  readonly jsonSchema?: {
    output(options: { target: string; libraryOptions?: Record<string, unknown> }): JsonSchema;
  };
}

/** Draft 7 is what AsyncAPI documents hold, and what all libraries write. */
const TARGET = 'draft-07';

/** Resolves to the JSON Schema of the payloads that a schema stores. */
export async function jsonSchemaOf(schema: EventSchema): Promise<FoundSchema> {
  const standard = schema['~standard'] as EventSchema['~standard'] & Converting;
  try {
    const made =
      standard.jsonSchema === undefined && standard.vendor === 'valibot'
        ? await ofValibot(schema)
        : standard.jsonSchema?.output({ target: TARGET, ...optionsFor(standard.vendor) });
    if (made === undefined) return none(`the library "${standard.vendor}" has no Standard JSON Schema`);
    // JSON leaves out what is undefined, and what a library hides in its objects.
    const plain = JSON.parse(JSON.stringify(made)) as JsonSchema;
    return { kind: 'found', schema: plain, hash: hashOf(plain) };
  } catch (error) {
    if (error instanceof IntegrationError && error.code === 'INTEGRATION_PEER_MISSING')
      return none(error.message);
    return none(`the library "${standard.vendor}" cannot write it as JSON Schema: ${messageOf(error)}`);
  }
}

/** The same for schemas that differ in descriptions and in the order of keywords only. */
export function hashOf(schema: JsonSchema): string {
  return createHash('sha256').update(canonicalText(schema)).digest('hex');
}

function none(why: string): FoundSchema {
  return { kind: 'none', why };
}

async function ofValibot(schema: EventSchema): Promise<JsonSchema> {
  const neededBy = 'The JSON Schema of a valibot schema';
  const { toJsonSchema } = await loadPeer(
    '@valibot/to-json-schema',
    () => import('@valibot/to-json-schema'),
    neededBy,
  );
  const convert = toJsonSchema as unknown as (given: unknown, options: object) => JsonSchema;
  return convert(schema, { typeMode: 'output' });
}

/** What is used of a schema of zod while it is converted. */
interface ZodStep {
  readonly zodSchema: {
    readonly def: { readonly type: string; readonly catchall?: unknown };
  };
  readonly jsonSchema: Record<string, unknown>;
}

/** Types of zod that JSON Schema has no word for. */
const WITHOUT_WORD: ReadonlySet<string> = new Set([
  'bigint',
  'symbol',
  'undefined',
  'void',
  'nan',
  'map',
  'set',
  'transform',
  'custom',
  'function',
]);

/**
 * A Date is stored as text. An object of `z.object` removes other properties, and does not refuse them, so
 * its schema leaves them open. What has no word keeps a mark that is not judged.
 */
function adjust({ zodSchema, jsonSchema }: ZodStep): void {
  const { type, catchall } = zodSchema.def;
  if (type === 'date') Object.assign(jsonSchema, { type: 'string', format: 'date-time' });
  if (type === 'object' && catchall === undefined) delete jsonSchema.additionalProperties;
  if (WITHOUT_WORD.has(type)) jsonSchema['x-zod'] = type;
}

function optionsFor(vendor: string): { libraryOptions?: Record<string, unknown> } {
  return vendor === 'zod' ? { libraryOptions: { unrepresentable: 'any', override: adjust } } : {};
}
