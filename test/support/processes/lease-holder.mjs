// A process of its own that wants leases, for tests that end or stop it. Told by its environment: DATABASE_URL, NAMES (a JSON list), and
// SETTINGS. Under each lease it saves again and again: a row of the table `save`, fenced by the lease, numbered by the table. It does not
// look at the signal before it saves, as somebody who has stalled between two statements does not. Prints one JSON line for everything
// that happens.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import pg from 'pg';
import { IntegrationModule, LeaseService } from '../../../dist/index.js';

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4 });
pool.on('error', () => {});

async function work(lease) {
  say({ held: lease.name, token: lease.token });
  for (;;) {
    const { sql, values } = lease.fenceSql(1);
    const saved = await pool
      .query(`INSERT INTO save (name, token, pid) SELECT $1, $2::bigint, $3 WHERE ${sql}`, [
        ...values,
        process.pid,
      ])
      .then(({ rowCount }) => rowCount)
      .catch(() => undefined);
    if (saved === 0) say({ refused: lease.name, token: lease.token });
    if (saved === 0 || lease.signal.aborted) break;
  }
  say({ ended: lease.name, token: lease.token });
}

class HolderModule {}
Module({
  imports: [
    IntegrationModule.forRoot({
      connectionString: process.env.DATABASE_URL,
      role: 'worker',
      settings: JSON.parse(process.env.SETTINGS ?? '{}'),
    }),
  ],
})(HolderModule);

const app = await NestFactory.createApplicationContext(HolderModule, {
  logger: ['warn', 'error'],
  abortOnError: false,
});
const leases = app.get(LeaseService);
for (const name of JSON.parse(process.env.NAMES)) leases.hold(name, work);
say({ ready: true });
process.on('SIGTERM', () => app.close().then(() => process.exit(0)));
