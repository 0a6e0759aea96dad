import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { MUTANTS_OF_SOURCE } from '../../proof/mutants/every-mutant.js';
import { kitMutants } from '../../proof/mutants/kit-mutants.js';
import type { Patch } from '../../proof/mutants/patched-package.js';

const pathOf = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));
const spread = Object.values(MUTANTS_OF_SOURCE).flat();
const texts = new Map<string, string>();

/** The file as the patches before this one have left it. */
function textOf(file: string): string {
  const known = texts.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(pathOf(file), 'utf8');
  texts.set(file, text);
  return text;
}

/** The patches whose text does not stand in its file exactly once. */
function missed(patches: readonly Patch[]): string[] {
  const changed = new Map<string, string>();
  return patches.flatMap(({ file, find, put }) => {
    const source = changed.get(file) ?? textOf(file);
    changed.set(
      file,
      source.replace(find, () => put),
    );
    const places = source.split(find).length - 1;
    return places === 1 ? [] : [`${file} has ${places} times, not once: ${find}`];
  });
}

/** They are run by `npm run proof:mutants`, which takes half an hour. A change of the source is told here at once. */
describe('each mutant', () => {
  it('finds its text once in the source', () => {
    expect(spread.flatMap(({ name, patches }) => missed(patches).map((each) => `${name}: ${each}`))).toEqual(
      [],
    );
  });

  it('finds its text once in the built package', () => {
    expect(kitMutants.flatMap((mutant) => missed([mutant]).map((each) => `${mutant.name}: ${each}`))).toEqual(
      [],
    );
  });

  it('names a spec that is there', () => {
    expect(
      spread.filter(({ spec }) => !existsSync(pathOf(spec))).map(({ name, spec }) => `${name}: ${spec}`),
    ).toEqual([]);
  });
});
