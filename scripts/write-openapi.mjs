// Writes the OpenAPI documents: that of the admin API out of the routes of the engine and of all parts, and that of the
// portal of webhooks. Needs a build.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openApiDocument } from '../dist/admin/document/openapi-document.js';
import { HANDLERS } from '../dist/admin/handlers/handlers.js';
import { AdminSections } from '../dist/admin/routes/admin-sections.js';
import { EXTENSIONS } from '../dist/bin/extensions.js';
import { portalDocument } from '../dist/webhooks/outgoing/portal/portal-openapi.js';

const ROOT = resolve(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

const sections = new AdminSections(HANDLERS);
for (const { name, admin } of EXTENSIONS) if (admin !== undefined) sections.add(name, await admin());
write('openapi/admin-api.json', openApiDocument(sections.byPart, version));
write('openapi/webhook-portal.json', portalDocument(version));

function write(path, document) {
  const file = join(ROOT, path);
  writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
  spawnSync('npx', ['biome', 'format', '--write', file], { cwd: ROOT, stdio: 'inherit' });
}
