import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication, Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import ts from 'typescript';
import { OutboxProcessor, OutboxService } from '../src/index.js';
import {
  environmentNameOf,
  SETTING_DEFINITIONS,
  SETTING_KEYS,
} from '../src/settings/settings-definitions.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

const ROOT = join(import.meta.dirname, '..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const GUIDE = join(ROOT, 'docs/guide');
/** Where the examples stand for the compiler: beside the generated client of the tests, which plays the host's. */
const FOLDER = import.meta.dirname;
/** Compiling all of src/ takes seconds, on a busy machine many. */
const COMPILING_MS = 300_000;

/** The ```ts blocks that begin with `// file: name.ts`, by name. Blocks of one name continue each other. */
function exampleFiles(markdown: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const [, name = '', text = ''] of markdown.matchAll(/^```ts\n\/\/ file: (\S+\.ts)\n(.*?)^```$/gms)) {
    const path = join(FOLDER, name);
    files.set(path, (files.get(path) ?? '') + text);
  }
  return files;
}

/** How many blocks of TypeScript a page has, compiled or not. */
function blocksIn(markdown: string): number {
  return markdown.split(/^ *```ts/m).length - 1;
}

/** The blocks that `exampleFiles` finds. */
function compiledBlocksIn(markdown: string): number {
  return markdown.split(/^```ts\n\/\/ file: \S+\.ts\n/m).length - 1;
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
    return onDisk.getSourceFile.call(host, path, version, ...rest);
  };
  const program = ts.createProgram([...examplesOfPage.keys()], examples, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${file?.fileName.replace(`${ROOT}/`, '') ?? ''}:${line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

describe('the README', () => {
  const files = exampleFiles(README);

  it('shows no TypeScript that is not compiled', () => {
    const blocks = blocksIn(README);
    expect(blocks).toBeGreaterThan(0);
    expect(files.size).toBe(blocks);
  });

  it('lists every setting with its default and its name in the environment', () => {
    const rows = README.matchAll(/^\| `([\w.]+)` +\| (\w+) +\| .*? +\| `(INTEGRATION_OUTBOX_\w+)` +\|$/gm);
    expect([...rows].map(([, key, value, name]) => [key, value, name])).toEqual(
      SETTING_KEYS.map((key) => [key, String(SETTING_DEFINITIONS[key].default), environmentNameOf(key)]),
    );
  });

  it(
    'shows examples that compile',
    () => {
      expect(problemsOf(files)).toEqual([]);
    },
    COMPILING_MS,
  );

  it(
    'would notice one that does not',
    () => {
      const broken = exampleFiles("```ts\n// file: broken.ts\nexport const total: number = 'seven';\n```\n");
      expect(problemsOf(broken)).toEqual([expect.stringContaining('test/broken.ts:1 ')]);
    },
    COMPILING_MS,
  );
});

/** The pages of docs/guide. A file of a page may import a file of the README, and replaces one of the same name. */
describe('the guide', () => {
  const names = existsSync(GUIDE) ? readdirSync(GUIDE).filter((name) => name.endsWith('.md')) : [];
  const pages = names.map((name) => ({ name, text: readFileSync(join(GUIDE, name), 'utf8') }));
  const ofReadme = exampleFiles(README);

  it('shows no TypeScript that is not compiled', () => {
    for (const { name, text } of pages)
      expect([name, compiledBlocksIn(text)]).toEqual([name, blocksIn(text)]);
  });

  it('has no page that the README does not name', () => {
    expect(names.filter((name) => !README.includes(`docs/guide/${name}`))).toEqual([]);
  });

  it(
    'shows examples that compile',
    () => {
      for (const { name, text } of pages) {
        const files = exampleFiles(text);
        if (files.size > 0) expect([name, problemsOf(files, ofReadme)]).toEqual([name, []]);
      }
    },
    COMPILING_MS,
  );

  it(
    'would notice a page whose example takes from the README what is not there',
    () => {
      const page = `\`\`\`ts\n// file: broken.ts\nimport { Missing } from './app.module.js';\nexport { Missing };\n\`\`\`\n`;
      expect(problemsOf(exampleFiles(page), ofReadme)).toEqual([
        expect.stringContaining('test/broken.ts:1 '),
      ]);
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
    const text = exampleFiles(README).get(join(FOLDER, 'app.module.ts'));
    writeFileSync(join(folder, 'app.module.ts'), text?.replaceAll(`'./generated/`, `'../generated/`) ?? '');
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
