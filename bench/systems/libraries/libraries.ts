import type { LibraryName } from './library-name.js';
import type { LibrarySession } from './library-session.js';

interface LibraryEntry {
  label: string;
  /** Loads the library only where it is measured. */
  open(url: string): Promise<LibrarySession>;
}

/** They are development dependencies of the package, as Prisma is. */
export const LIBRARIES: Record<LibraryName, LibraryEntry> = {
  'node-postgres': {
    label: 'node-postgres',
    open: async (url) => (await import('./node-postgres.js')).open(url),
  },
  typeorm: { label: 'TypeORM', open: async (url) => (await import('./typeorm.js')).open(url) },
  drizzle: { label: 'Drizzle', open: async (url) => (await import('./drizzle.js')).open(url) },
  kysely: { label: 'Kysely', open: async (url) => (await import('./kysely.js')).open(url) },
  'mikro-orm': { label: 'MikroORM', open: async (url) => (await import('./mikro-orm.js')).open(url) },
  knex: { label: 'Knex', open: async (url) => (await import('./knex.js')).open(url) },
  sequelize: { label: 'Sequelize', open: async (url) => (await import('./sequelize.js')).open(url) },
  'postgres-js': { label: 'postgres.js', open: async (url) => (await import('./postgres-js.js')).open(url) },
};

export const openLibrary = (name: LibraryName, url: string): Promise<LibrarySession> =>
  LIBRARIES[name].open(url);
