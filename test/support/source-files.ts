import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** One parsed file of src/, named as in the import map: `outbox/outbox.store.ts`. */
export interface SourceFile {
  name: string;
  tree: ts.SourceFile;
}

const ROOT = join(import.meta.dirname, '../../src');

/** Every file of src/ that is part of the package. */
export function sourceFiles(): SourceFile[] {
  return readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
    .sort()
    .map((name) => parse(name, readFileSync(join(ROOT, name), 'utf8')));
}

export function parse(name: string, text: string): SourceFile {
  return { name, tree: ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true) };
}

/** The nodes of a tree, outermost first; below a node for which `enter` says no, none. */
export function* nodesOf(node: ts.Node, enter: (node: ts.Node) => boolean = () => true): Generator<ts.Node> {
  yield node;
  if (!enter(node)) return;
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => {
    children.push(child);
  });
  for (const child of children) yield* nodesOf(child, enter);
}

/** `outbox/outbox.store.ts:12` */
export function placeOf(file: SourceFile, node: ts.Node): string {
  return `${file.name}:${file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree)).line + 1}`;
}
