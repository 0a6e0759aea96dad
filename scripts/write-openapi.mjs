// Writes the OpenAPI document of the admin API out of its table of routes. Needs a build.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openApiDocument } from '../dist/admin/document/openapi-document.js';
import { HANDLERS } from '../dist/admin/routes/handlers.js';

const ROOT = resolve(import.meta.dirname, '..');
const FILE = join(ROOT, 'openapi/admin-api.json');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

const routes = HANDLERS.flatMap((handlers) => Object.values(handlers.routes));
writeFileSync(FILE, `${JSON.stringify(openApiDocument(routes, version), null, 2)}\n`);
spawnSync('npx', ['biome', 'format', '--write', FILE], { cwd: ROOT, stdio: 'inherit' });
