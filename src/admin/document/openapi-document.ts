import type { Field, Fields, Schema } from '../../rest/field.js';
import { Problem } from '../../rest/problem-schema.js';
import { isWrite } from '../../rest/route.js';
import type { NamedSchema } from '../../rest/schema.js';
import { WRITE_HEADER } from '../calls/forgery.js';
import type { RoutesOfPart } from '../routes/admin-sections.js';
import { type Route, startsSomething } from '../routes/route.js';

/**
 * The OpenAPI 3.1 document of these routes. `x-part` says which part brings a route. The package ships the
 * document of all parts as `openapi/admin-api.json`, and an application answers that of its own routes.
 */
export function openApiDocument(
  groups: readonly RoutesOfPart[],
  version: string | undefined,
): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { part, routes } of groups)
    for (const route of routes) {
      const path = `/${route.path.replace(/:(\w+)/g, '{$1}')}`;
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, part) };
    }
  return {
    openapi: '3.1.0',
    info: {
      title: 'nestjs-integration: admin API',
      version: version ?? 'unknown',
      description:
        'What IntegrationAdminModule offers below its path. How to use it stands in docs/guide/reference/admin-api.md.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/ops/integration', description: 'The path that the application gave the module.' }],
    paths,
    components: { schemas: schemasOf(groups.flatMap(({ routes }) => routes)) },
  };
}

/** The schemas that answers refer to, by their names. */
function schemasOf(routes: readonly Route[]): Record<string, Schema> {
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

function operationOf(route: Route, part: string | undefined): Record<string, unknown> {
  const type = route.isStream ? 'text/event-stream' : 'application/json';
  const content = { [type]: { schema: route.answer.json } };
  const good = { description: 'What was asked for, or what was done.', content };
  return {
    operationId: operationIdOf(route),
    summary: route.about,
    'x-action': route.action,
    ...(part === undefined ? {} : { 'x-part': part }),
    parameters: [
      ...parametersOf('path', route.pathFields),
      ...parametersOf('query', route.query),
      ...(isWrite(route) ? [WRITE_PARAMETER] : []),
      ...(startsSomething(route) ? [KEY_PARAMETER] : []),
      ...(route.hasIfMatch ? [MATCH_PARAMETER] : []),
      ...(route.changingRows === undefined ? [] : CHANGES_PARAMETERS),
    ],
    ...(isWrite(route) ? { requestBody: requestBodyOf(route.body) } : {}),
    responses: {
      200: good,
      ...(route.mayGoOn ? { 202: good } : {}),
      ...(route.changingRows === undefined ? {} : changesResponses(route.changingRows.json)),
      default: {
        description: 'A problem as RFC 9457 has it.',
        content: { 'application/problem+json': { schema: Problem.json } },
      },
    },
  };
}

/** `post-consumers-name-pause` */
function operationIdOf({ method, path }: Route): string {
  return [method.toLowerCase(), ...path.replaceAll(':', '').split('/')].join('-');
}

const WRITE_PARAMETER = {
  name: WRITE_HEADER,
  in: 'header',
  required: true,
  description: 'Any value. A page of another origin cannot send it without a preflight.',
  schema: { type: 'string' },
};
const KEY_PARAMETER = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'A text of your own. The same request with the same key is done once in 24 hours.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

const MATCH_PARAMETER = {
  name: 'If-Match',
  in: 'header',
  required: false,
  description: 'The ETag of what was read. The change is refused with 412 if it is another one now.',
  schema: { type: 'string' },
};

const CHANGES_PARAMETERS = [
  {
    name: 'A-IM',
    in: 'header',
    required: false,
    description: 'Says rows to be sent what has changed, as RFC 3229 has it. The answer has an ETag then.',
    schema: { type: 'string' },
  },
  {
    name: 'If-None-Match',
    in: 'header',
    required: false,
    description: 'With A-IM, the ETag of the page that the client has.',
    schema: { type: 'string' },
  },
];
const changesResponses = (row: object) => ({
  226: {
    description: 'What has changed in the page of the ETag in Delta-Base. All else is as in a whole page.',
    content: {
      'application/json': {
        schema: {
          type: 'object',
          required: ['items'],
          properties: {
            items: {
              type: 'array',
              description:
                'The rows in their order. In the place of rows that are unchanged stand two numbers: the first and the last of their places in the page before, counted from 0.',
              items: {
                anyOf: [row, { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 2 }],
              },
            },
          },
        },
      },
    },
  },
  304: { description: 'The page of the ETag in If-None-Match is still right.' },
});

function parametersOf(part: 'path' | 'query', fields: Fields): object[] {
  return Object.entries(fields).map(([name, { about, schema, isOptional }]) => ({
    name,
    in: part,
    required: part === 'path' || !isOptional,
    description: about,
    schema,
  }));
}

function requestBodyOf(fields: Fields): object {
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
