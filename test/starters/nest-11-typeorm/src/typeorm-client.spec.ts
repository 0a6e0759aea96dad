import type { EntityManager } from 'typeorm';
import { clientOfManager } from './typeorm-client';

it('takes no EntityManager outside of a transaction', () => {
  expect(() => clientOfManager({} as EntityManager)).toThrow('not one of a transaction');
});
