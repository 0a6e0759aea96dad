import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PACKAGE = fileURLToPath(new URL('../../..', import.meta.url));

/** A change of one file of the package: `find` stands in it exactly once. */
export interface Patch {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** A copy of some parts of the package, in which wrong turns can be taken. */
export class PatchedPackage {
  private constructor(readonly folder: string) {}

  static async copy(parts: readonly string[]): Promise<PatchedPackage> {
    const folder = await mkdtemp(join(tmpdir(), 'nestjs-integration-mutant-'));
    for (const part of ['package.json', ...parts])
      await cp(join(PACKAGE, part), join(folder, part), { recursive: true });
    await symlink(join(PACKAGE, 'node_modules'), join(folder, 'node_modules'), 'dir');
    return new PatchedPackage(folder);
  }

  /** Runs `work` with these changes, and takes them back. Throws where a text is not there: the mutant has to follow the source. */
  async with<T>(patches: readonly Patch[], work: () => Promise<T>): Promise<T> {
    const originals = new Map<string, string>();
    try {
      for (const { file, find, put } of patches) {
        const path = join(this.folder, file);
        const source = await readFile(path, 'utf8');
        if (!originals.has(path)) originals.set(path, source);
        const places = source.split(find).length - 1;
        if (places !== 1) throw new Error(`${file} has ${places} times, not once: ${find}`);
        await writeFile(
          path,
          source.replace(find, () => put),
        );
      }
      return await work();
    } finally {
      for (const [path, source] of originals) await writeFile(path, source);
    }
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}
