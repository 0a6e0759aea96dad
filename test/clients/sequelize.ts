import { Sequelize, type Transaction } from 'sequelize';
import { fromSequelize } from '../../src/clients/sequelize.js';
import type { OpenLibrary } from './tried-library.js';

export const openSequelize: OpenLibrary = async (url, max = 4, waitMs = 60_000) => {
  const sequelize = new Sequelize(url, {
    dialect: 'postgres',
    logging: false,
    pool: { max, acquire: waitMs },
  });
  return {
    adapter: fromSequelize(sequelize),
    root: sequelize,
    transaction: (fn) => sequelize.transaction(fn),
    ask: () => sequelize.query('SELECT 1'),
    savepoint: (tx, fn) => sequelize.transaction({ transaction: tx as Transaction }, fn),
    close: () => sequelize.close(),
  };
};
