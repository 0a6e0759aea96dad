import { openDrizzle, openDrizzleOnPostgresJs } from './drizzle.js';
import { openKnex } from './knex.js';
import { openKysely } from './kysely.js';
import { openMikroOrm } from './mikro-orm.js';
import { openPg } from './pg.js';
import { openPostgresJs } from './postgres-js.js';
import { openSequelize } from './sequelize.js';
import type { OpenLibrary } from './tried-library.js';
import { openTypeOrm } from './typeorm.js';

/** All that have an adapter. */
export const LIBRARIES: readonly [name: string, open: OpenLibrary][] = [
  ['node-postgres', openPg],
  ['TypeORM', openTypeOrm],
  ['Kysely', openKysely],
  ['Drizzle', openDrizzle],
  ['Drizzle on postgres.js', openDrizzleOnPostgresJs],
  ['Knex', openKnex],
  ['Sequelize', openSequelize],
  ['postgres.js', openPostgresJs],
  ['MikroORM', openMikroOrm],
];
