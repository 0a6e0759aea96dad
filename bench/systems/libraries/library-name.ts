/** The libraries that the project has adapters for. */
export const LIBRARY_NAMES = [
  'node-postgres',
  'typeorm',
  'drizzle',
  'kysely',
  'mikro-orm',
  'knex',
  'sequelize',
  'postgres-js',
] as const;

export type LibraryName = (typeof LIBRARY_NAMES)[number];

export function isLibrary(name: string): name is LibraryName {
  return (LIBRARY_NAMES as readonly string[]).includes(name);
}
