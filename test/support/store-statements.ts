import ts from 'typescript';
import { tablesOf } from '../../src/database/sql/tables.js';
import { nodesOf, placeOf, type SourceFile, sourceFiles } from './source-files.js';

/** A piece of SQL in a store that reads or writes a table. */
export interface StoreStatement {
  /** `outbox/outbox-event.store.ts:12` */
  readonly place: string;
  /** Its text on one line. An ellipsis stands for what the store puts in. */
  readonly text: string;
  /** Whether this piece is part of a statement that was run, as `oneLine` has it. */
  isIn(sql: string): boolean;
}

/** What a template puts in: a table, or something that the source alone does not tell. */
interface Hole {
  readonly table: string | undefined;
}
type Part = string | Hole;

const NAMES: Readonly<Record<string, string>> = { ...tablesOf('integration') };
const VERBS = '(FROM|JOIN|INTO|UPDATE|USING|CALL|LOCK TABLE|TRUNCATE)';
const READS_OR_WRITES = new RegExp(`\\b${VERBS}\\s`);
const TABLE_FOLLOWS = new RegExp(`\\b${VERBS}\\s+$`);
/** Files beside the stores that make SQL for them. */
const PIECES_FOR_STORES = ['inbox/inbox-status.ts'];

/**
 * All SQL of the stores that reads or writes a table of the engine, without statements whose tables are all among `small`.
 * Where a table cannot be told from the source, it is not small. The variants that a store chooses from are pieces of
 * their own. A table that stands in a text without its schema is one of Postgres, or one that the statement makes itself.
 */
export function storeStatements(small: readonly string[]): StoreStatement[] {
  return sourceFiles()
    .filter(({ name }) => name.endsWith('.store.ts') || PIECES_FOR_STORES.includes(name))
    .flatMap((file) => {
      const named = namedTables(file);
      return [...nodesOf(file.tree)].flatMap((node) => {
        const parts = partsOf(node, named);
        return isOfMuch(parts, small) ? [statementOf(placeOf(file, node), parts)] : [];
      });
    });
}

/** The tables of the engine, as the stores name them. */
export const TABLES: readonly string[] = Object.keys(NAMES);

function isOfMuch(parts: readonly Part[], small: readonly string[]): boolean {
  if (!parts.some((part) => typeof part === 'string' && READS_OR_WRITES.test(part))) return false;
  return parts.some((part, at) => {
    if (typeof part === 'string') return false;
    return part.table === undefined ? TABLE_FOLLOWS.test(String(parts[at - 1])) : !small.includes(part.table);
  });
}

/** The text that stands for each variable and field of the file whose value is a table. */
function namedTables(file: SourceFile): Map<string, string | undefined> {
  const named = new Map<string, string | undefined>();
  for (const node of nodesOf(file.tree)) {
    const [name, value] = ts.isVariableDeclaration(node)
      ? [node.name, node.initializer]
      : ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken
        ? [node.left, node.right]
        : [];
    if (name === undefined) continue;
    const text = name.getText(file.tree);
    const table = value && tableOf(value, named);
    // Two variables of one name may be two tables.
    named.set(text, named.has(text) && named.get(text) !== table ? undefined : table);
  }
  return named;
}

/** Of `this.db.tables.inboxEvent` it is `inboxEvent`, and of a variable with this name as well. */
function tableOf(node: ts.Expression, named: ReadonlyMap<string, string | undefined>): string | undefined {
  const text = node.getText();
  const name = /^(?:.*\btables\.)?(\w+)$/s.exec(text)?.[1] ?? '';
  return name in NAMES ? name : named.get(text);
}

function partsOf(node: ts.Node, named: ReadonlyMap<string, string | undefined>): Part[] {
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (!ts.isTemplateExpression(node)) return [];
  return [
    node.head.text,
    ...node.templateSpans.flatMap(({ expression, literal }): Part[] => [
      { table: tableOf(expression, named) },
      literal.text,
    ]),
  ];
}

function statementOf(place: string, parts: readonly Part[]): StoreStatement {
  const text = oneLine(
    parts.map((part) => (typeof part === 'string' ? part : (NAMES[part.table ?? ''] ?? '…'))).join(''),
  );
  const pieces = text.split('…').map((piece) => piece.trim());
  const isIn = (sql: string) => {
    let from = 0;
    return pieces.every((piece) => {
      const at = sql.indexOf(piece, from);
      from = at + piece.length;
      return at >= 0;
    });
  };
  return { place, text, isIn };
}

export function oneLine(sql: string): string {
  return sql.replace(/\s+/g, ' ').trim();
}
