import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication, Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import ts from 'typescript';
import { OutboxProcessor, OutboxService } from '../../src/index.js';
import { codeBlocks, GUIDE_PAGES, type Page, README, ROOT } from '../support/pages.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/** Where the examples stand for the compiler: beside the generated client of the tests, which plays the host's. */
const FOLDER = join(import.meta.dirname, '..');
/** Files on the disk, parsed once for all pages. */
const PARSED = new Map<string, ts.SourceFile>();
/** Compiling all of src/ takes seconds, on a busy machine many. */
const COMPILING_MS = 300_000;
const TYPESCRIPT = /^(ts|tsx|mts|cts|typescript)$/i;
const FIRST_LINE = /^\/\/ file: (\S+\.ts)\n/;

/** The blocks of TypeScript that begin with `// file: name.ts`, by name. Blocks of one name continue each other. */
function exampleFiles(markdown: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const { language, text } of codeBlocks(markdown)) {
    const [firstLine, name] = FIRST_LINE.exec(text) ?? [];
    if (!TYPESCRIPT.test(language) || firstLine === undefined || name === undefined) continue;
    const path = join(FOLDER, name);
    files.set(path, (files.get(path) ?? '') + text.slice(firstLine.length));
  }
  return files;
}

/**
 * The files of a page that are compiled together: those of one folder. What one folder declares to the
 * compiler, such as the type of a transaction, is unknown in the others.
 */
function programsOf(markdown: string): Map<string, string>[] {
  const byFolder = new Map<string, Map<string, string>>();
  for (const [path, text] of exampleFiles(markdown)) {
    const files = byFolder.get(dirname(path)) ?? new Map<string, string>();
    byFolder.set(dirname(path), files.set(path, text));
  }
  return [...byFolder.values()];
}

/** The first lines of the blocks of TypeScript that no file is made of, so that nobody compiles them. */
function uncompiledBlocks(markdown: string): string[] {
  return codeBlocks(markdown)
    .filter(({ language, text }) => TYPESCRIPT.test(language) && !FIRST_LINE.test(text))
    .map(({ text }) => text.split('\n')[0] ?? '');
}

/** What is wrong with the syntax of the blocks of JavaScript, whose imports are not installed here, and of JSON. */
function syntaxProblems({ name, text: markdown }: Page): string[] {
  return codeBlocks(markdown).flatMap(({ language, text }) => {
    if (/^(js|mjs|cjs|javascript)$/i.test(language)) {
      const { diagnostics = [] } = ts.transpileModule(text, {
        reportDiagnostics: true,
        fileName: 'block.js',
      });
      return diagnostics.map(
        ({ messageText }) => `${name}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      );
    }
    if (!/^json$/i.test(language)) return [];
    // A part of a file stands without its braces.
    return [text, `{${text}}`].some(isJson) ? [] : [`${name}: ${text}`];
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What the examples of any page may import: the files of the README, and the host's client. */
function filesForAll(): Map<string, string> {
  const configuration = GUIDE_PAGES.find(({ name }) => name === 'docs/guide/start/configuration.md');
  const client = join(FOLDER, 'prisma.module.ts');
  return new Map([
    ...exampleFiles(README.text),
    [client, exampleFiles(configuration?.text ?? '').get(client) ?? ''],
  ]);
}

/**
 * What the compiler has to say of files that exist in memory only. They may import from `beside`, which exist in memory too.
 */
function problemsOf(examplesOfPage: Map<string, string>, beside = new Map<string, string>()): string[] {
  const files = new Map([...beside, ...examplesOfPage]);
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  // As Nest's starters do: together with emitDecoratorMetadata it wants `import type` in decorated signatures.
  const asHosts = { isolatedModules: true, noUnusedLocals: false, noUnusedParameters: false };
  const examples = { ...options, ...asHosts, incremental: false };
  const host = ts.createCompilerHost(examples);
  const onDisk = { fileExists: host.fileExists, readFile: host.readFile, getSourceFile: host.getSourceFile };
  host.fileExists = (path) => files.has(path) || onDisk.fileExists.call(host, path);
  host.readFile = (path) => files.get(path) ?? onDisk.readFile.call(host, path);
  host.getSourceFile = (path, version, ...rest) => {
    const text = files.get(path);
    if (text !== undefined) return ts.createSourceFile(path, text, version, true);
    const parsed = PARSED.get(path) ?? onDisk.getSourceFile.call(host, path, version, ...rest);
    if (parsed !== undefined) PARSED.set(path, parsed);
    return parsed;
  };
  const program = ts.createProgram([...examplesOfPage.keys()], examples, host);
  // Of the examples alone: the rest of the repository has its own check, and checking it for each page takes minutes.
  const found = [...examplesOfPage.keys()].flatMap((path) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(path)),
  );
  return found.map(({ file, start, messageText }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${file?.fileName.replace(`${ROOT}/`, '') ?? ''}:${line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

describe('the examples of README and guide', () => {
  const pages = [README, ...GUIDE_PAGES];
  const beside = filesForAll();

  it('are files that are compiled, wherever they are TypeScript', () => {
    expect(beside.size).toBeGreaterThan(2);
    for (const { name, text } of pages) expect([name, uncompiledBlocks(text)]).toEqual([name, []]);
  });

  it('would be noticed if they were not', () => {
    const page = ['```ts', '~~~typescript', '- ```tsx title', '    ```TS'].map(
      (fence) => `${fence}\nconst seven = 7;\n${fence.replace(/[^`~]/g, '')}\n`,
    );
    expect(uncompiledBlocks(page.join('\ntext\n'))).toEqual(Array(4).fill('const seven = 7;'));
  });

  it('have the syntax of what they say they are', () => {
    expect(pages.flatMap(syntaxProblems)).toEqual([]);
    const broken = '```js\nconst = 7;\n```\n\n```json\n"a": 1,\n```\n';
    expect(syntaxProblems({ name: 'broken.md', text: broken }).length).toBeGreaterThanOrEqual(2);
  });

  it(
    "compile; a file may import those of the README and the module of the host's client, and replaces one of the same name",
    () => {
      for (const { name, text } of pages) {
        expect([name, programsOf(text).flatMap((files) => problemsOf(files, beside))]).toEqual([name, []]);
      }
    },
    COMPILING_MS,
  );

  it(
    'would be noticed if they did not compile',
    () => {
      const broken = exampleFiles("```ts\n// file: broken.ts\nexport const total: number = 'seven';\n```\n");
      expect(problemsOf(broken)).toEqual([expect.stringContaining('test/broken.ts:1 ')]);
      const missing = `import { Missing } from './app.module.js';\nexport { Missing };\n`;
      const page = exampleFiles(`\`\`\`ts\n// file: broken.ts\n${missing}\`\`\`\n`);
      expect(problemsOf(page, beside)).toEqual([expect.stringContaining('test/broken.ts:1 ')]);
    },
    COMPILING_MS,
  );
});

describe('the first use', () => {
  let database: TestDatabase;
  let folder: string;
  let app: INestApplication | undefined;
  const given = process.env.DATABASE_URL;

  beforeAll(async () => {
    database = await createTestDatabase();
    folder = mkdtempSync(join(FOLDER, '.readme-'));
  });

  afterAll(async () => {
    await app?.close();
    if (given === undefined) delete process.env.DATABASE_URL;
    else process.env.DATABASE_URL = given;
    rmSync(folder, { recursive: true, force: true });
    await database.drop();
  });

  it('works as printed', async () => {
    for (const name of ['app.module.ts', 'prisma.module.ts']) {
      const text = filesForAll().get(join(FOLDER, name)) ?? '';
      writeFileSync(join(folder, name), text.replaceAll(`'./generated/`, `'../generated/`));
    }
    process.env.DATABASE_URL = database.url;
    const example = (await import(join(folder, 'app.module.ts'))) as {
      AppModule: Type;
      InvoicesService: Type<{ create(id: string, total: number): Promise<void> }>;
    };
    const module = await Test.createTestingModule({ imports: [example.AppModule] }).compile();
    app = module.createNestApplication({ logger: false });
    await app.init();
    await app.get(example.InvoicesService).create('i1', 7);
    await app.get(OutboxProcessor).drain();

    const { items } = await app.get(OutboxService).timeline('invoice', 'i1');
    expect(items).toEqual([
      expect.objectContaining({
        eventName: 'invoice.created',
        payload: { total: 7 },
        consumers: [expect.objectContaining({ consumerName: 'operations.invoices', status: 'processed' })],
      }),
    ]);
    const { rows } = await database.pool.query('SELECT id, total FROM invoice');
    expect(rows).toEqual([{ id: 'i1', total: 7 }]);
  });
});
