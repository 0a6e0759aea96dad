import { fromSequelize } from 'nestjs-integration/sequelize';
import { Sequelize, type Transaction } from 'sequelize';
import { INSERT_PLAIN, plainValues } from '../plain-table.store.js';
import { type LibrarySession, POOL_MAX } from './library-session.js';

export async function open(url: string): Promise<LibrarySession> {
  const sequelize = new Sequelize(url, { dialect: 'postgres', logging: false, pool: { max: POOL_MAX } });
  return {
    adapter: fromSequelize(sequelize),
    transaction: (write) => sequelize.transaction(write),
    insertPlain: (tx, event) =>
      sequelize.query(INSERT_PLAIN, { bind: plainValues(event), transaction: tx as Transaction }),
    close: () => sequelize.close(),
  };
}
