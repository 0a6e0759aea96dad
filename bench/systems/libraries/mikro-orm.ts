import { type EntityManager, EntitySchema, MikroORM } from '@mikro-orm/postgresql';
import { fromMikroOrm } from 'nestjs-integration/mikro-orm';
import { INSERT_PLAIN_BY_QUESTION_MARKS, plainValues } from '../plain-table.store.js';
import { type LibrarySession, POOL_MAX } from './library-session.js';

/** MikroORM does not start without an entity. */
const Nothing = new EntitySchema({ name: 'Nothing', properties: { id: { type: 'number', primary: true } } });

export async function open(clientUrl: string): Promise<LibrarySession> {
  const orm = await MikroORM.init({ clientUrl, entities: [Nothing], pool: { min: 0, max: POOL_MAX } });
  return {
    adapter: fromMikroOrm(orm),
    transaction: (write) => orm.em.fork().transactional(write),
    insertPlain: (tx, event) =>
      (tx as EntityManager).execute(INSERT_PLAIN_BY_QUESTION_MARKS, plainValues(event)),
    close: () => orm.close(true),
  };
}
