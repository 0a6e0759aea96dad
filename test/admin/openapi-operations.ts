import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const ROOT = join(import.meta.dirname, '../..');
export const readJson = (name: string) => JSON.parse(readFileSync(join(ROOT, name), 'utf8'));
/** The OpenAPI document as it stands in the repository. */
export const DOCUMENT = readJson('openapi/admin-api.json');

export interface Operation {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly { name: string; in: string; required: boolean; schema: Schema }[];
  readonly requestBody?: {
    content: { 'application/json': { schema: Partial<BodySchema> } };
  };
  readonly responses: Readonly<Record<string, { content: Record<string, { schema: { $ref?: string } }> }>>;
}
export interface BodySchema {
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required: readonly string[];
}
export interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Every operation of the document. */
export const OPERATIONS: readonly Operation[] = Object.entries<Record<string, Operation>>(
  DOCUMENT.paths,
).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    ...operation,
    path,
    method: method.toUpperCase(),
  })),
);

/** A validator that knows the schemas of the document. The reference of each begins with `document#`. */
export function validatorOfDocument(): Ajv2020 {
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema(DOCUMENT, 'document');
  return ajv;
}
