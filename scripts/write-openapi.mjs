// Writes the OpenAPI document of the admin API out of the routes of the engine and of all parts. Needs a build.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openApiDocument } from '../dist/admin/document/openapi-document.js';
import { HANDLERS } from '../dist/admin/handlers/handlers.js';
import { AdminSections } from '../dist/admin/routes/admin-sections.js';
import { EXTENSIONS } from '../dist/bin/extensions.js';

const ROOT = resolve(import.meta.dirname, '..');
const FILE = join(ROOT, 'openapi/admin-api.json');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

const sections = new AdminSections(HANDLERS);
for (const { name, admin } of EXTENSIONS) if (admin !== undefined) sections.add(name, await admin());
writeFileSync(FILE, `${JSON.stringify(openApiDocument(sections.byPart, version), null, 2)}\n`);
spawnSync('npx', ['biome', 'format', '--write', FILE], { cwd: ROOT, stdio: 'inherit' });
