import { fromTypeOrm } from 'nestjs-integration/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { INSERT_PLAIN, plainValues } from '../plain-table.store.js';
import { type LibrarySession, POOL_MAX } from './library-session.js';

export async function open(url: string): Promise<LibrarySession> {
  const dataSource = await new DataSource({ type: 'postgres', url, extra: { max: POOL_MAX } }).initialize();
  return {
    adapter: fromTypeOrm(dataSource),
    transaction: (write) => dataSource.transaction(write),
    insertPlain: (tx, event) => (tx as EntityManager).query(INSERT_PLAIN, plainValues(event)),
    close: () => dataSource.destroy(),
  };
}
