/**
 * The versions of the libraries with which the tests of their adapters are run besides the installed ones: the ends of the ranges
 * in package.json.
 */
export const TRIED_VERSIONS = [
  { library: 'Kysely', packages: { kysely: '0.28.0' } },
  { library: 'Kysely', packages: { kysely: '0.29.9' } },
  { library: 'Drizzle', packages: { 'drizzle-orm': '0.40.0' } },
  { library: 'Knex', packages: { knex: '3.0.1' } },
  { library: 'postgres.js', packages: { postgres: '3.4.5' } },
  { library: 'Sequelize', packages: { sequelize: '6.35.0' } },
  { library: 'MikroORM', packages: { '@mikro-orm/core': '6.2.0', '@mikro-orm/postgresql': '6.2.0' } },
  { library: 'TypeORM', packages: { typeorm: '0.3.20' } },
];
