import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { openApiDocument } from '../../src/admin/document/openapi-document.js';
import type { Route } from '../../src/admin/routes/route.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, PLATFORMS, startAdminApp } from './admin-app.js';
import { everySection, partModules } from './every-section.js';
import { DOCUMENT, OPERATIONS, readJson, validatorOfDocument } from './openapi-operations.js';
import { bodyFor, fillWithSomething, inTurn, targetOf } from './something-of-everything.js';

const SECTIONS = await everySection();
const ROUTES: readonly Route[] = SECTIONS.routes;

describe('the OpenAPI document of the package', () => {
  it('is accepted by a validator', async () => {
    const { valid, errors } = await new Validator().validate(DOCUMENT);
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
    expect(await new Validator().validate({ ...DOCUMENT, paths: 7 })).toMatchObject({ valid: false });
  });

  it('is the one of the routes: npm run openapi writes it', () => {
    const { version } = readJson('package.json');
    expect(DOCUMENT).toEqual(JSON.parse(JSON.stringify(openApiDocument(SECTIONS.byPart, version))));
  });

  it('has every route, and nothing else', () => {
    const routes = ROUTES.map(({ method, path }) => `${method} /${path.replace(/:(\w+)/g, '{$1}')}`);
    expect(OPERATIONS.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(routes.sort());
    expect(new Set(OPERATIONS.map(({ operationId }) => operationId)).size).toBe(ROUTES.length);
  });

  it('is in the package, under a name that can be imported', () => {
    const { exports, files } = readJson('package.json');
    expect(exports['./admin/openapi.json']).toBe('./openapi/admin-api.json');
    expect(files).toContain('openapi');
  });
});

describe.each(PLATFORMS)('on %s, answers', (platform) => {
  let database: TestDatabase;
  let admin: AdminApp;
  const ajv = validatorOfDocument();

  beforeAll(async () => {
    database = await createTestDatabase();
    admin = await startAdminApp(database, { platform, module: { imports: partModules() } });
    await fillWithSomething(database, admin);
  });
  afterAll(async () => {
    await admin.close();
    await database.drop();
  });

  it('are what the document says, with something of everything in the database', async () => {
    const validated: string[] = [];
    for (const operation of inTurn(OPERATIONS).filter(({ path }) => path !== '/stream')) {
      const { method, path, operationId, responses } = operation;
      const json = await bodyFor(path, database);
      if (method === 'DELETE') continue;
      const answer = await admin.ask(targetOf(path), { method, ...(method === 'GET' ? {} : { json }) });
      expect([operationId, answer.status]).toEqual([operationId, 200]);
      const { $ref = '' } = responses['200']?.content['application/json']?.schema ?? {};
      const validate = ajv.getSchema(`document${$ref}`);
      expect([operationId, validate?.(answer.json), validate?.errors ?? []]).toEqual([operationId, true, []]);
      validated.push(operationId);
    }
    expect(validated.length).toBeGreaterThan(10);
    const problem = await admin.ask('consumers?limit=0');
    expect(ajv.getSchema('document#/components/schemas/Problem')?.(problem.json)).toBe(true);
  });
});
