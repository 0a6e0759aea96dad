import { type EntityManager, EntitySchema, MikroORM } from '@mikro-orm/postgresql';
import { fromMikroOrm } from '../../src/clients/mikro-orm.js';
import type { OpenLibrary } from './tried-library.js';

const Nothing = new EntitySchema({ name: 'Nothing', properties: { id: { type: 'number', primary: true } } });

export const openMikroOrm: OpenLibrary = async (clientUrl, max = 4, waitMs = 60_000) => {
  const orm = await MikroORM.init({
    clientUrl,
    entities: [Nothing],
    pool: { min: 0, max, acquireTimeoutMillis: waitMs },
  });
  return {
    adapter: fromMikroOrm(orm),
    root: orm.em,
    transaction: (fn) => orm.em.fork().transactional(fn),
    ask: () => orm.em.getConnection().execute('SELECT 1'),
    savepoint: (tx, fn) => (tx as EntityManager).transactional(fn),
    close: () => orm.close(true),
  };
};
