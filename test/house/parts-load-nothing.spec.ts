import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { ROOT } from '../support/pages.js';

const DIST = join(ROOT, 'dist');

/** The modules that a file loads before it runs. What it imports later, by a call, is not among them. */
function loadedBy(file: string): string[] {
  const tree = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2023, true);
  return tree.statements.flatMap((each) => {
    const isFrom = ts.isImportDeclaration(each) || ts.isExportDeclaration(each);
    const from = isFrom ? each.moduleSpecifier : undefined;
    return from !== undefined && ts.isStringLiteral(from) && from.text.startsWith('.')
      ? [join(dirname(file), from.text)]
      : [];
  });
}

/** The files of dist/ that are loaded by whoever imports this one. */
function loadedFrom(entry: string): string[] {
  const met = new Set<string>();
  const waiting = [join(DIST, entry)];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (met.has(file)) continue;
    if (!existsSync(file)) throw new Error(`${relative(DIST, file)} is imported, and is not there`);
    met.add(file);
    waiting.push(...loadedBy(file));
  }
  return [...met].map((file) => relative(DIST, file)).sort();
}

const within = (files: readonly string[], folders: readonly string[]) =>
  files.filter((file) => folders.some((folder) => file.startsWith(`${folder}/`)));

const PARTS = ['webhooks', 'secrets', 'contracts', 'relay', 'sagas', 'calls', 'schedules', 'connectors'];

describe('what an application loads', () => {
  it.each(['index.js', 'admin/index.js', 'health/index.js', 'testing/index.js'])(
    '%s has no file of a part and none of the commands',
    (entry) => {
      const files = loadedFrom(entry);
      expect(files.length).toBeGreaterThan(10);
      expect(within(files, [...PARTS, 'cli', 'bin'])).toEqual([]);
    },
  );

  it('without the admin API has no file of it', () => {
    expect(within(loadedFrom('index.js'), ['admin'])).toEqual([]);
  });

  it.each(PARTS)('the part %s has neither sections of the admin API nor commands', (part) => {
    const files = loadedFrom(`${part}/index.js`);
    expect(files).toContain(`${part}/${part}-extension.js`);
    expect(within(files, ['admin', 'cli', 'bin', `${part}/commands`])).toEqual([]);
    expect(files.filter((file) => file.endsWith('.admin.js'))).toEqual([]);
  });

  it('is found where it is there: the command line knows every part', () => {
    const files = loadedFrom('bin/extensions.js');
    for (const part of PARTS) expect(files).toContain(`${part}/${part}-extension.js`);
    expect(within(loadedFrom('bin/main.js'), ['cli'])).not.toEqual([]);
    expect(within(loadedFrom('secrets/secrets.admin.js'), ['admin'])).not.toEqual([]);
  });
});
