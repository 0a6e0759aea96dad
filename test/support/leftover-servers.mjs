import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const PREFIX = 'nestjs-integration-pg-';
/** A server that is being made has no process yet. It takes seconds. */
const BEING_MADE_MS = 10 * 60_000;

/** Removes the data of servers whose run was ended before it could remove them. */
export function removeLeftoverServers(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name.startsWith(PREFIX) && isLeftover(path)) rmSync(path, { recursive: true, force: true });
  }
}

function isLeftover(path) {
  const madeAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  if (madeAt === undefined || Date.now() - madeAt < BEING_MADE_MS) return false;
  const pid = processOf(path);
  return pid === undefined || !isAlive(pid);
}

/** The first line of `postmaster.pid` is the process of the server, as Postgres documents it. */
function processOf(path) {
  try {
    return Number(readFileSync(join(path, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, and belongs to somebody else.
    return error.code === 'EPERM';
  }
}
