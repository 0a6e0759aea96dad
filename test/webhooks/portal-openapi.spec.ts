import { expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { portalDocument } from '../../src/webhooks/outgoing/portal/portal-openapi.js';
import { PORTAL_ROUTES } from '../../src/webhooks/outgoing/portal/portal-routes.js';
import { readJson } from '../admin/openapi-operations.js';

const DOCUMENT = readJson('openapi/webhook-portal.json');

it('the OpenAPI document of the portal is accepted by a validator', async () => {
  expect(await new Validator().validate(DOCUMENT)).toMatchObject({ valid: true });
});

it('is the one of the routes: npm run openapi writes it', () => {
  const { version } = readJson('package.json');
  expect(DOCUMENT).toEqual(JSON.parse(JSON.stringify(portalDocument(version))));
});

it('has every route, each with an id of its own', () => {
  const operations = Object.values(
    DOCUMENT.paths as Record<string, Record<string, { operationId: string }>>,
  ).flatMap((path) => Object.values(path));
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(
    Object.keys(PORTAL_ROUTES).length,
  );
});

it('is in the package, under a name that can be imported', () => {
  const { exports, files } = readJson('package.json');
  expect(exports['./webhooks/portal-openapi.json']).toBe('./openapi/webhook-portal.json');
  expect(files).toContain('openapi');
});
