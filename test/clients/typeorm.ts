import { DataSource, type EntityManager } from 'typeorm';
import { fromTypeOrm } from '../../src/clients/typeorm.js';
import type { OpenLibrary } from './tried-library.js';

export const openTypeOrm: OpenLibrary = async (url, max = 4, waitMs = 0) => {
  const dataSource = await new DataSource({
    type: 'postgres',
    url,
    extra: { max, connectionTimeoutMillis: waitMs },
  }).initialize();
  return {
    adapter: fromTypeOrm(dataSource),
    root: dataSource,
    transaction: (fn) => dataSource.transaction(fn),
    ask: () => dataSource.query('SELECT 1'),
    savepoint: (tx, fn) => (tx as EntityManager).transaction(fn),
    close: () => dataSource.destroy(),
  };
};
