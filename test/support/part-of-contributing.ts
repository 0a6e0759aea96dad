import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Type } from '@nestjs/common';
import type { IntegrationExtension } from '../../src/module/extension.js';
import { filesOf } from './guide-code.js';
import { ROOT, readPage } from './pages.js';

/** The files of the part that CONTRIBUTING.md shows, by their paths from the root of the repository. */
export const FILES_OF_PART: ReadonlyMap<string, string> = filesOf(readPage('CONTRIBUTING.md').text);

/** A new folder that git does not see, from which the packages of the repository are found. */
function folderFor(what: string): string {
  mkdirSync(join(ROOT, 'generated'), { recursive: true });
  return mkdtempSync(join(ROOT, `generated/${what}-`));
}

export interface WrittenPart {
  readonly module: Type<object>;
  readonly extension: IntegrationExtension;
  /** The SQL that makes its tables. */
  readonly migration: string;
  remove(): void;
}

/**
 * Writes the files into a folder of their own, where they import the rooms of src/, and loads them. Other tests
 * look into src/ and test/ at the same time, so the folder is in neither.
 */
export async function writePart(): Promise<WrittenPart> {
  const folder = folderFor('part');
  for (const [name, text] of FILES_OF_PART) {
    if (!name.startsWith('src/')) continue;
    const file = join(folder, name.slice('src/'.length));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text.replace(/(from|module) '\.\.\//g, "$1 '../../../src/"));
  }
  const load = (name: string) => import(join(folder, 'parcels', name)) as Promise<Record<string, never>>;
  const { ParcelsModule } = await load('parcels.module.ts');
  const { parcelsExtension } = await load('parcels-extension.ts');
  const migration = [...FILES_OF_PART].find(([name]) => name.startsWith('prisma/migrations/'))?.[1];
  if (ParcelsModule === undefined || parcelsExtension === undefined || migration === undefined)
    throw new Error('CONTRIBUTING.md shows no whole part');
  const remove = () => rmSync(folder, { recursive: true, force: true });
  return { module: ParcelsModule, extension: parcelsExtension, migration, remove };
}

export interface BuiltPage {
  /** The folder of what the build has written. */
  readonly folder: string;
  remove(): void;
}

/** Builds the dashboard together with the pages of the part. */
export function buildPages(): BuiltPage {
  const folder = folderFor('page');
  cpSync(join(ROOT, 'dashboard'), join(folder, 'dashboard'), { recursive: true });
  for (const [name, text] of FILES_OF_PART) {
    if (!name.startsWith('dashboard/')) continue;
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, 'node_modules/vite/bin/vite.js'), 'build', join(folder, 'dashboard'), '--logLevel', 'warn'],
    { cwd: ROOT, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  return { folder: join(folder, 'dist/admin/ui'), remove };
}
