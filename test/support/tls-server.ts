import { execFile } from 'node:child_process';
import { chmod, chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/testing/embedded-postgres.js';
import { until } from './until.js';

const run = promisify(execFile);

/**
 * A server of its own that speaks TLS with whoever wants it, by a certificate that it has signed itself, and
 * takes passwords by SCRAM only.
 */
export async function startTlsServer(): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
  const client = new pg.Client({ connectionString: server.url });
  try {
    await client.connect();
    const { rows } = await client.query<{ folder: string; logins: string }>(
      `SELECT current_setting('data_directory') AS folder, current_setting('hba_file') AS logins`,
    );
    const [place] = rows;
    if (place === undefined) throw new Error('the server does not say where its files are');
    await certify(place.folder);
    await writeFile(place.logins, 'host all all 127.0.0.1/32 scram-sha-256\n');
    await client.query('ALTER SYSTEM SET ssl = on');
    await client.query('SELECT pg_reload_conf()');
    await until('the server speaks TLS', async () => {
      const { rows: shown } = await client.query<{ ssl: string }>('SHOW ssl');
      return shown[0]?.ssl === 'on';
    });
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  } finally {
    await client.end();
  }
}

/**
 * Puts `server.crt` and `server.key` where the server looks for them, as files of the user that it runs as.
 */
async function certify(folder: string): Promise<void> {
  const { uid, gid } = await stat(folder);
  const made = await mkdtemp(join(tmpdir(), 'nestjs-integration-tls-'));
  try {
    const [key, certificate] = [join(made, 'server.key'), join(made, 'server.crt')];
    const signed = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
    await run('openssl', [...signed, '-keyout', key, '-out', certificate]);
    for (const file of [key, certificate]) {
      await run('cp', [file, folder]);
      const copied = join(folder, file.slice(made.length + 1));
      await chmod(copied, 0o600);
      await chown(copied, uid, gid);
    }
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}
