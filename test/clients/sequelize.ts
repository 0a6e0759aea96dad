import { Sequelize, type Transaction } from 'sequelize';
import { fromSequelize } from '../../src/clients/sequelize.js';
import type { OpenLibrary } from './tried-library.js';

export const openSequelize: OpenLibrary = async (url, max = 4) => {
  const sequelize = new Sequelize(url, { dialect: 'postgres', logging: false, pool: { max } });
  return {
    adapter: fromSequelize(sequelize),
    root: sequelize,
    transaction: (fn) => sequelize.transaction(fn),
    savepoint: (tx, fn) => sequelize.transaction({ transaction: tx as Transaction }, fn),
    close: () => sequelize.close(),
  };
};
