import ts from 'typescript';
import { tablesOf } from '../../src/database/sql/tables.js';
import { nodesOf, placeOf, type SourceFile } from './source-files.js';

/** What a statement of a store writes: a column, `new rows` or `rows away`. */
export interface StoreWrite {
  /** `inbox_cursor` */
  readonly table: string;
  /** The column. `?` stands for one that the source does not tell. */
  readonly what: string;
  /** `outbox/outbox-event.store.ts:12` */
  readonly place: string;
}

const NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(tablesOf('s')).map(([key, name]) => [key, name.replace('"s".', '')]),
);
/** Marks in the text of a statement, which stand for what its template puts in. */
const TABLE = (name: string) => `«${name}»`;
const UNKNOWN = '«?»';

/**
 * What the statements of a store write. A new row is written whole, whatever its columns are. Texts that a template
 * puts in are looked up by their name, in the same file or where `all` exports them.
 */
export function storeWritesIn(file: SourceFile, all: readonly SourceFile[]): StoreWrite[] {
  return [...nodesOf(file.tree)].flatMap((node) => {
    const text = textOf(node, file, all, 0);
    if (text === undefined || isPartOfTemplate(node)) return [];
    return writesOf(text).map((write) => ({ ...write, place: placeOf(file, node) }));
  });
}

function isPartOfTemplate({ kind }: ts.Node): boolean {
  return (
    kind === ts.SyntaxKind.TemplateHead ||
    kind === ts.SyntaxKind.TemplateMiddle ||
    kind === ts.SyntaxKind.TemplateTail
  );
}

const WRITING =
  /\b(?:(?<!FOR |DO |FOR NO KEY )(UPDATE)|INSERT (INTO)|DELETE FROM)\s+(?!OF\b|SKIP\b|SET\b)(\S+)/g;

function writesOf(text: string): { table: string; what: string }[] {
  const found = [...text.matchAll(WRITING)];
  return found.flatMap(({ 0: { length }, 1: update, 2: into, 3: target = '', index }, n) => {
    const rest = text.slice(index + length, found[n + 1]?.index);
    const columns = update
      ? columnsSet(rest)
      : into
        ? ['new rows', ...columnsSet(rest.split('DO UPDATE')[1] ?? '')]
        : ['rows away'];
    const tables = [...target.matchAll(/«([^»]*)»/g)].flatMap(([, names = '']) => names.split('|'));
    return tables.flatMap((table) => columns.map((what) => ({ table, what })));
  });
}

/** The columns of the SET that comes next: `SET a = …, (b, c) = …` up to its FROM, WHERE or RETURNING. */
function columnsSet(text: string): string[] {
  const set = /\bSET\s/.exec(text);
  if (set === null) return [];
  const columns: string[] = [];
  for (const item of itemsOf(text.slice(set.index + set[0].length))) {
    const [, name, names] = /^(?:(\w+)|\(([\w\s,"]+)\))\s*=/.exec(item.replace(/^"(\w+)"/, '$1')) ?? [];
    columns.push(...(name ?? names ?? '?').split(',').map((column) => column.trim()));
  }
  return columns;
}

/** Splits at the commas outside all brackets, until the list is at its end. */
function itemsOf(text: string): string[] {
  const items = [''];
  let depth = 0;
  for (const token of text.match(/'(?:[^']|'')*'|[\w$]+|[\s\S]/g) ?? []) {
    if (depth === 0 && /^(FROM|WHERE|RETURNING|\))$/.test(token)) break;
    if (/^(\(|\[|CASE)$/.test(token)) depth++;
    if (/^(\)|\]|END)$/.test(token)) depth--;
    if (depth === 0 && token === ',') items.push('');
    else items[items.length - 1] += token;
  }
  return items.map((item) => item.trim());
}

/** The text of a string or template. Undefined for another node. */
function textOf(
  node: ts.Node,
  file: SourceFile,
  all: readonly SourceFile[],
  depth: number,
): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return undefined;
  return node.templateSpans.reduce(
    (text, { expression, literal }) => text + putIn(expression, file, all, depth) + literal.text,
    node.head.text,
  );
}

function putIn(
  expression: ts.Expression,
  file: SourceFile,
  all: readonly SourceFile[],
  depth: number,
): string {
  const tables = tablesNamed(expression, file, 0);
  if (tables.length > 0) return TABLE(tables.join('|'));
  const name = /(\w+)$/.exec(expression.getText())?.[1];
  if (name === undefined || depth > 3) return UNKNOWN;
  const texts = valuesOf(name, file, all).map(([value, from]) => textOf(value, from, all, depth + 1));
  // Of several texts, any may be put in. A text that writes is a statement, and is read where it stands.
  const known = texts.filter((text) => text !== undefined && !WRITING_ONCE.test(text));
  return known.length === 0 ? UNKNOWN : known.join(', ');
}

const WRITING_ONCE = new RegExp(WRITING.source);

/** The expressions that a name may stand for. */
function valuesOf(name: string, file: SourceFile, all: readonly SourceFile[]): [ts.Expression, SourceFile][] {
  const own = declared(file).get(name) ?? [];
  if (own.length > 0) return own.map((value) => [value, file]);
  if (!imports(file, name)) return [];
  return all.flatMap((other) =>
    (declared(other).get(name) ?? []).map((value): [ts.Expression, SourceFile] => [value, other]),
  );
}

function imports({ tree }: SourceFile, name: string): boolean {
  return tree.statements.some(
    (each) =>
      ts.isImportDeclaration(each) &&
      new RegExp(`\\b${name}\\b`).test(each.importClause?.getText(tree) ?? ''),
  );
}

const DECLARED = new WeakMap<SourceFile, Map<string, ts.Expression[]>>();

/** The values of the variables, fields and properties of a file, by their names. */
function declared(file: SourceFile): Map<string, ts.Expression[]> {
  const known = DECLARED.get(file);
  if (known !== undefined) return known;
  const values = new Map<string, ts.Expression[]>();
  const add = (name: ts.Node, value: ts.Expression | undefined) => {
    const key = /(\w+)$/.exec(name.getText(file.tree))?.[1];
    if (key !== undefined && value !== undefined) values.set(key, [...(values.get(key) ?? []), value]);
  };
  for (const node of nodesOf(file.tree)) {
    if (ts.isVariableDeclaration(node) || ts.isPropertyAssignment(node)) add(node.name, node.initializer);
    if (ts.isVariableDeclaration(node) && ts.isForOfStatement(node.parent.parent)) {
      const list = node.parent.parent.expression;
      if (ts.isArrayLiteralExpression(list)) for (const value of list.elements) add(node.name, value);
    }
    if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken) {
      add(node.left, node.right);
    }
    if (ts.isBindingElement(node) && node.propertyName !== undefined && ts.isIdentifier(node.propertyName)) {
      add(node.name, node.propertyName);
    }
    if (ts.isParameter(node)) for (const value of argumentsFor(node, file)) add(node.name, value);
  }
  DECLARED.set(file, values);
  return values;
}

/** What the file passes for a parameter of a function of its own that has a name. */
function argumentsFor(parameter: ts.ParameterDeclaration, { tree }: SourceFile): ts.Expression[] {
  const { parent } = parameter;
  const named = ts.isFunctionDeclaration(parent) || ts.isMethodDeclaration(parent) ? parent : parent.parent;
  if (!('name' in named) || named.name === undefined) return [];
  const name = (named.name as ts.Node).getText(tree);
  const at = parent.parameters.indexOf(parameter);
  return [...nodesOf(tree)]
    .filter((node) => ts.isCallExpression(node))
    .filter(({ expression }) => expression.getText(tree).replace(/^this\./, '') === name)
    .flatMap((call) => call.arguments[at] ?? []);
}

/** The tables that an expression may be: of `this.db.tables.inboxEvent` it is `inbox_event`. */
function tablesNamed(expression: ts.Expression, file: SourceFile, depth: number): string[] {
  const text = expression.getText(file.tree);
  const name = /^(?:[\w.]+\.|[\w.]+\([^()]*\)\.)?(\w+)$/.exec(text)?.[1] ?? '';
  if (name in NAMES) return [NAMES[name] as string];
  if (name === '' || depth > 3) return [];
  return [
    ...new Set((declared(file).get(name) ?? []).flatMap((value) => tablesNamed(value, file, depth + 1))),
  ];
}
