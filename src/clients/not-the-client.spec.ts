import { describe, expect, it } from '@jest/globals';
import { clsAmbient } from './cls.js';
import { fromDrizzle } from './drizzle.js';
import { fromKnex } from './knex.js';
import { fromKysely } from './kysely.js';
import { fromMikroOrm } from './mikro-orm.js';
import { notTheClient } from './not-the-client.js';
import { fromPg } from './pg.js';
import { fromPostgresJs } from './postgres-js.js';
import { fromSequelize } from './sequelize.js';
import { fromTypeOrm, typeOrmAmbient } from './typeorm.js';

const ADAPTERS: Record<string, (given: never) => unknown> = {
  clsAmbient,
  fromDrizzle,
  fromKnex,
  fromKysely,
  fromMikroOrm,
  fromPg,
  fromPostgresJs,
  fromSequelize,
  fromTypeOrm,
  typeOrmAmbient,
};

class OrdersService {}
function thrownBy(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

describe('what is given something else than its library', () => {
  it.each(Object.keys(ADAPTERS))('says what it needs and what it was given: %s', (name) => {
    const wrong: [unknown, string][] = [
      [undefined, 'undefined'],
      [null, 'null'],
      ['postgres://user:secret@host/db', 'a string'],
      [{ password: 'secret' }, 'an object'],
      [Object.create(null), 'an object'],
      [new OrdersService(), 'an instance of OrdersService'],
      [OrdersService, 'the function OrdersService'],
    ];
    for (const [given, called] of wrong) {
      const error = thrownBy(() => ADAPTERS[name]?.(given as never)) as Error;
      expect(error).toMatchObject({ code: 'INTEGRATION_CLIENT_INVALID' });
      expect(error.message).toMatch(new RegExp(`^${name}\\(…\\) needs .*, and was given ${called}$`));
    }
  });

  it('names the package where it is not installed', () => {
    const error = notTheClient('fromNothing', 'nothing', 'a-library-that-nobody-has', undefined);
    expect(error).toMatchObject({
      code: 'INTEGRATION_PEER_MISSING',
      details: { package: 'a-library-that-nobody-has' },
      message: expect.stringContaining('npm install a-library-that-nobody-has'),
    });
  });

  it('takes a package without an entry for require for one that is there', () => {
    expect(notTheClient('from', 'x', '@octokit/webhooks-examples', undefined).code).toBe(
      'INTEGRATION_CLIENT_INVALID',
    );
  });
});
