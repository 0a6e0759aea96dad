import {
  documentOf,
  goodResponse,
  operationIdOf,
  PROBLEM_RESPONSE,
  parametersOf,
  requestBodyOf,
} from '../../rest/openapi.js';
import { isWrite } from '../../rest/route.js';
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
  return documentOf({
    title: 'nestjs-integration: admin API',
    version,
    description:
      'What IntegrationAdminModule offers below its path. How to use it stands in docs/guide/reference/admin-api.md.',
    path: '/ops/integration',
    operations: groups.flatMap(({ part, routes }) =>
      routes.map((route) => ({ route, operation: operationOf(route, part) })),
    ),
  });
}

function operationOf(route: Route, part: string | undefined): Record<string, unknown> {
  const good = goodResponse(route, route.isStream ? 'text/event-stream' : undefined);
  return {
    operationId: operationIdOf(route),
    summary: route.about,
    'x-action': route.action,
    ...(part === undefined ? {} : { 'x-part': part }),
    parameters: [
      ...parametersOf(route),
      ...(isWrite(route) ? [WRITE_PARAMETER] : []),
      ...(startsSomething(route) ? [KEY_PARAMETER] : []),
      ...(route.hasIfMatch ? [MATCH_PARAMETER] : []),
      ...(route.changingRows === undefined ? [] : CHANGES_PARAMETERS),
    ],
    ...requestBodyOf(route),
    responses: {
      200: good,
      ...(route.mayGoOn ? { 202: good } : {}),
      ...(route.changingRows === undefined ? {} : changesResponses(route.changingRows.json)),
      default: PROBLEM_RESPONSE,
    },
  };
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
