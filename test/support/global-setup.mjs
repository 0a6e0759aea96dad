// One Postgres for the whole run: the server at TEST_DATABASE_URL if that is set, else an embedded one.
import { statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import pg from 'pg';
import { buildIfStale } from './fresh-build.mjs';
import { removeLeftoverServers } from './leftover-servers.mjs';

const GIB = 2 ** 30;
/** Where Linux keeps files in memory. */
const MEMORY = '/dev/shm';
/** The data of a run are much less than this. */
const ROOM_NEEDED = 4 * GIB;
const MEMORY_NEEDED = 8 * GIB;

export default async function globalSetup() {
  buildIfStale();
  if (process.env.TEST_DATABASE_URL) return;
  const server = await startServer();
  globalThis.__EMBEDDED_POSTGRES__ = server;
  await makeConnectingCheap(server.url);
  process.env.TEST_DATABASE_URL = server.url;
}

/**
 * In memory if there is room: a run makes more than a thousand databases, of more than four hundred files each.
 * Where files are deleted and made that fast, ext4 spends a quarter of a run's time on the search for free inodes.
 */
async function startServer() {
  const { startEmbeddedPostgres } = await import('../../dist/testing/index.js');
  const start = () => startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
  if (!hasRoomInMemory()) return start();
  removeLeftoverServers(MEMORY);
  const given = process.env.TMPDIR;
  process.env.TMPDIR = MEMORY;
  try {
    return await start();
  } catch (error) {
    console.warn(`The Postgres of the tests does not start in ${MEMORY}: ${error.message}`);
  } finally {
    if (given === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = given;
  }
  return start();
}

function hasRoomInMemory() {
  if (freemem() < MEMORY_NEEDED) return false;
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize >= ROOM_NEEDED;
  } catch {
    return false;
  }
}

/** Half of what a connection costs the server is the hashing of its password, 4,096 times. Tests connect very often. */
async function makeConnectingCheap(connectionString) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(`SET scram_iterations = 1; ALTER ROLE postgres PASSWORD 'postgres'`);
  await client.end();
}
