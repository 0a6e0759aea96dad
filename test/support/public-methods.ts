import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** The public methods that a class in this file of `src` declares, by the source. */
export function publicMethodsOf(file: string, className: string): string[] {
  const path = join(import.meta.dirname, '../../src', file);
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  for (const statement of source.statements) {
    if (!ts.isClassDeclaration(statement) || statement.name?.text !== className) continue;
    return statement.members
      .filter((member) => ts.isMethodDeclaration(member) && !isHidden(member))
      .map((member) => (member.name as ts.Identifier).text);
  }
  throw new Error(`${file} has no class ${className}`);
}

function isHidden(member: ts.ClassElement): boolean {
  const kinds = ts.canHaveModifiers(member) ? (ts.getModifiers(member) ?? []).map(({ kind }) => kind) : [];
  return kinds.some(
    (kind) => kind === ts.SyntaxKind.PrivateKeyword || kind === ts.SyntaxKind.ProtectedKeyword,
  );
}

/** The services that the package exports, with the files that declare them. */
export function exportedServices(): { name: string; file: string }[] {
  const index = readFileSync(join(import.meta.dirname, '../../src/index.ts'), 'utf8');
  return [...index.matchAll(/export \{([^}]*)\} from '\.\/([^']*)\.js'/g)].flatMap(
    ([, names = '', file = '']) =>
      [...names.matchAll(/(?<!type )\b(\w+Service)\b/g)].map(([, name = '']) => ({
        name,
        file: `${file}.ts`,
      })),
  );
}
