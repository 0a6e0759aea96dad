import { describe, expect, it } from '@jest/globals';
import { isDatabaseOutage } from './infrastructure-failure.js';

const error = (message: string, fields: object = {}) => Object.assign(new Error(message), fields);

class DrizzleQueryError extends Error {}

const GONE = 'Connection terminated unexpectedly';
const REFUSED = { code: 'ECONNREFUSED' };
const POOL_OF_KNEX =
  'Knex: Timeout acquiring a connection. The pool is probably full. Are you missing a .transacting(trx) call?';
const PASSWORD = { code: '28P01', severity: 'FATAL' };

describe('an error of a library', () => {
  it.each([
    ['Knex, whose pool is exhausted', error(POOL_OF_KNEX, { name: 'KnexTimeoutError' })],
    ['MikroORM on Knex', error(POOL_OF_KNEX, { name: 'DriverException' })],
    ['Knex, whose session is lost', error(`select 1 - ${GONE}`)],
    ['Sequelize, whose pool is exhausted', error('', { name: 'SequelizeConnectionAcquireTimeoutError' })],
    ['Sequelize without a server', error('', { name: 'SequelizeConnectionRefusedError' })],
    ['TypeORM around a socket', error('', { name: 'QueryFailedError', driverError: error('', REFUSED) })],
    ['TypeORM around node-postgres', error(`Error: ${GONE}`, { driverError: error(GONE) })],
    ['Drizzle around a socket', new DrizzleQueryError('Failed query', { cause: error('', REFUSED) })],
    ['postgres.js', error('write CONNECT_TIMEOUT', { code: 'CONNECT_TIMEOUT' })],
    ['node-postgres in a class of the host', error('x', { cause: error(GONE) })],
  ])('means that the database cannot be reached: %s', (_, thrown) => {
    expect(isDatabaseOutage(thrown)).toBe(true);
  });

  it.each([
    [
      'Knex, whose statement took too long',
      error('Defined query timeout of 50ms exceeded when running query.', { name: 'KnexTimeoutError' }),
    ],
    [
      'Sequelize, whose login is refused',
      error('', { name: 'SequelizeConnectionError', original: error('', PASSWORD) }),
    ],
    [
      'TypeORM, whose statement is wrong',
      error('', { name: 'QueryFailedError', driverError: error('', { code: '42601' }) }),
    ],
    ['another service', error('connect ECONNREFUSED 127.0.0.1:9', REFUSED)],
    ['another service, in the words of node-postgres', error(`order 5 - ${GONE}, sorry`)],
    ['another service that has a code', error(POOL_OF_KNEX, { code: 'EPOOL' })],
  ])('does not mean that: %s', (_, thrown) => {
    expect(isDatabaseOutage(thrown)).toBe(false);
  });
});
