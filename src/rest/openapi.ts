import type { Field, Fields, Schema } from './field.js';
import { Problem } from './problem-schema.js';
import { isWrite, type RestRoute } from './route.js';
import type { NamedSchema } from './schema.js';

/** An API that a document describes. */
export interface DescribedApi<R extends RestRoute> {
  readonly title: string;
  readonly version: string | undefined;
  readonly description: string;
  /** An example of the path that an application gives it. */
  readonly path: string;
  /** Each route with what the document says of it. */
  readonly operations: readonly { readonly route: R; readonly operation: object }[];
}

/** The OpenAPI 3.1 document of an API. */
export function documentOf<R extends RestRoute>(api: DescribedApi<R>): Record<string, unknown> {
  const { title, version, description, path: url, operations } = api;
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { route, operation } of operations) {
    const path = `/${route.path.replace(/:(\w+)/g, '{$1}')}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation };
  }
  return {
    openapi: '3.1.0',
    info: {
      title,
      version: version ?? 'unknown',
      description,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url, description: 'The path that the application gave the module.' }],
    paths,
    components: { schemas: schemasOf(operations.map(({ route }) => route)) },
  };
}

/** What a route answers if all is well. */
export function goodResponse({ answer }: RestRoute, type = 'application/json'): object {
  return {
    description: 'What was asked for, or what was done.',
    content: { [type]: { schema: answer.json } },
  };
}

/** Every other answer. */
export const PROBLEM_RESPONSE = {
  description: 'A problem as RFC 9457 has it.',
  content: { 'application/problem+json': { schema: Problem.json } },
};

/** `post-consumers-name-pause` */
export function operationIdOf({ method, path }: RestRoute): string {
  return [method.toLowerCase(), ...path.replaceAll(':', '').split('/')].join('-');
}

/** The parameters of the path and the query. */
export function parametersOf({ pathFields, query }: RestRoute): object[] {
  return [...parametersIn('path', pathFields), ...parametersIn('query', query)];
}

/** The body of a route, in an object that is empty for a route without one. */
export function requestBodyOf(route: RestRoute): { readonly requestBody?: object } {
  return isWrite(route) ? { requestBody: bodyOf(route.body) } : {};
}

/** The schemas that answers refer to, by their names. */
function schemasOf(routes: readonly RestRoute[]): Record<string, Schema> {
  const found = new Map<string, NamedSchema<unknown>>();
  const add = (schema: NamedSchema<unknown>) => {
    const known = found.get(schema.name);
    if (known === schema) return;
    if (known !== undefined) throw new Error(`two schemas have the name ${schema.name}`);
    found.set(schema.name, schema);
    schema.described.names.forEach(add);
  };
  for (const { names } of [...routes.map(({ answer }) => answer), Problem]) names.forEach(add);
  const byName = [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return Object.fromEntries(byName.map(({ name, described }) => [name, described.json]));
}

function parametersIn(part: 'path' | 'query', fields: Fields): object[] {
  return Object.entries(fields).map(([name, { about, schema, isOptional }]) => ({
    name,
    in: part,
    required: part === 'path' || !isOptional,
    description: about,
    schema,
  }));
}

function bodyOf(fields: Fields): object {
  const entries = Object.entries(fields);
  const schemaOf = ({ about, schema }: Field<unknown>): Schema => ({ ...schema, description: about });
  const required = entries.filter(([, { isOptional }]) => !isOptional).map(([name]) => name);
  return {
    required: true,
    content: {
      'application/json': {
        schema: {
          type: 'object',
          properties: Object.fromEntries(entries.map(([name, field]) => [name, schemaOf(field)])),
          ...(required.length === 0 ? {} : { required }),
          additionalProperties: false,
        },
      },
    },
  };
}
