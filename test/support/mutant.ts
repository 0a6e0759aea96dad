import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

/** A change of the source: `find` stands in it exactly once. */
export interface Patch {
  readonly find: string;
  readonly put: string;
}

const SRC = join(import.meta.dirname, '../../src');
const FOLDER = join(import.meta.dirname, '../generated/mutants');

let counter = 0;

/**
 * The module `src/<file>` as it would be with these changes; everything that it imports is the real thing. Fails if the source does
 * not have the text that is to be changed: then the mutant has to follow the source.
 */
export async function importMutant<Module>(file: string, patches: readonly Patch[]): Promise<Module> {
  const path = join(SRC, file);
  let source = await readFile(path, 'utf8');
  for (const { find, put } of patches) {
    const places = source.split(find).length - 1;
    if (places !== 1) throw new Error(`src/${file} has ${places} times, not once: ${find}`);
    source = source.replace(find, () => put);
  }
  const folder = join(FOLDER, `${process.pid}-${++counter}`);
  const imports = /(from ')(\.{1,2}\/[^']+)(')/g;
  source = source.replace(imports, (_, before, target, after) => {
    return `${before}${relative(folder, resolve(dirname(path), target))}${after}`;
  });
  await mkdir(folder, { recursive: true });
  const copy = join(folder, 'mutant.ts');
  try {
    await writeFile(copy, source);
    return (await import(copy)) as Module;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
