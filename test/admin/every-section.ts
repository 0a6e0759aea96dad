import { AdminSections } from '../../src/admin/admin-sections.js';
import { HANDLERS } from '../../src/admin/routes/handlers.js';
import { EXTENSIONS } from '../../src/bin/extensions.js';

/** The sections of the engine and of all parts, as the OpenAPI document of the package has them. */
export async function everySection(): Promise<AdminSections> {
  const sections = new AdminSections(HANDLERS);
  for (const { name, admin } of EXTENSIONS) if (admin !== undefined) sections.add(name, await admin());
  return sections;
}
