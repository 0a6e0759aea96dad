import {
  documentOf,
  goodResponse,
  operationIdOf,
  PROBLEM_RESPONSE,
  parametersOf,
  requestBodyOf,
} from '../../../rest/openapi.js';
import type { RestRoute } from '../../../rest/route.js';
import { PORTAL_ROUTES } from './portal-routes.js';

/** The OpenAPI 3.1 document of the portal. The package ships it as `openapi/webhook-portal.json`. */
export function portalDocument(version: string): Record<string, unknown> {
  const routes: readonly RestRoute[] = Object.values(PORTAL_ROUTES);
  return documentOf({
    title: 'nestjs-integration: portal of outgoing webhooks',
    version,
    description:
      'What a tenant may do with its destinations, below the path of the portal. How to use it stands in docs/guide/send/webhooks.md.',
    path: '/webhook-settings',
    operations: routes.map((route) => ({
      route,
      operation: {
        operationId: operationIdOf(route),
        summary: route.about,
        parameters: parametersOf(route),
        ...requestBodyOf(route),
        responses: { 200: goodResponse(route), default: PROBLEM_RESPONSE },
      },
    })),
  });
}
