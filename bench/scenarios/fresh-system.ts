import type { BenchDatabase } from '../harness/bench-server.js';
import { SystemProcess } from '../harness/system-process.js';
import type { SystemOptions } from '../systems/measured-system.js';
import type { SystemName } from '../systems/systems.js';
import type { Bench } from './scenario.js';

/**
 * A process of its own on a database of its own, both gone afterwards. The process loads its code while the server makes the
 * database: no system connects before its first command.
 */
export async function withFreshSystem<R>(
  { server }: Bench,
  system: SystemName,
  options: Omit<SystemOptions, 'url'>,
  use: (process: SystemProcess, database: BenchDatabase) => Promise<R>,
  template?: BenchDatabase,
): Promise<R> {
  const database = server.nameDatabase();
  const created = server.create(database, template);
  created.catch(() => {});
  try {
    return await SystemProcess.with(system, { ...options, url: database.url }, async (process) => {
      await created;
      return use(process, database);
    });
  } finally {
    await created.catch(() => {});
    await database.drop();
  }
}
