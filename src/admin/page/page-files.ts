import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { packageFolder } from '../../database/migrations/package-folder.js';

/** A file of the page, which the build has written. */
export interface PageFile {
  readonly type: string;
  readonly text: string;
  /** The same, compressed, by the names of codings, the smallest first. */
  readonly compressed: readonly (readonly [coding: string, bytes: Buffer])[];
}

const CODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/**
 * The files of the page by their names: `index.html`, and the others below `assets`. Only what this map has
 * is sent, so the path of a request never becomes the path of a file. Undefined if the build has left no
 * page.
 */
export function pageFiles(folder = folderOfPage()): ReadonlyMap<string, PageFile> | undefined {
  if (folder === undefined) return undefined;
  try {
    return new Map([
      ['index.html', fileAt(join(folder, 'index.html'))],
      ...readdirSync(join(folder, 'assets'))
        .filter((name) => extname(name) in TYPES)
        .map((name) => [name, fileAt(join(folder, 'assets', name))] as const),
    ]);
  } catch {
    return undefined;
  }
}

function folderOfPage(): string | undefined {
  const root = packageFolder();
  return root === undefined ? undefined : join(root, 'dist/admin/ui');
}

function fileAt(path: string): PageFile {
  const compressed = CODINGS.filter(([, ending]) => existsSync(path + ending));
  return {
    type: TYPES[extname(path)] ?? 'application/octet-stream',
    text: readFileSync(path, 'utf8'),
    compressed: compressed.map(([coding, ending]) => [coding, readFileSync(path + ending)] as const),
  };
}
