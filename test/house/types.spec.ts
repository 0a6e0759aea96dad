import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';

const ROOT = join(import.meta.dirname, '../..');
const COMPILING_MS = 300_000;

/** As a host compiles: `isolatedModules` together with `emitDecoratorMetadata` refuses mere types in decorated signatures. */
const COMMON: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts'],
  types: ['node'],
  strict: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  isolatedModules: true,
  esModuleInterop: true,
  skipLibCheck: true,
  noEmit: true,
  ignoreDeprecations: '6.0',
};

const RESOLUTIONS: readonly [string, 'commonjs' | 'module', ts.CompilerOptions][] = [
  [
    'node10',
    'commonjs',
    { module: ts.ModuleKind.CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10 },
  ],
  // TypeScript takes no ES module into a CommonJS file with node16; with nodenext it does, as Node has since 20.19.
  ['node16', 'module', { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 }],
  [
    'nodenext',
    'commonjs',
    { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  ],
  ['bundler', 'module', { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }],
];

/** Files on the disk, parsed once for all programs that read them in the same way: parsing takes most of the time. */
const PARSED = new Map<string, ts.SourceFile>();

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(ROOT, 'node_modules/.types-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/nestjs-integration'), 'dir');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the compiler says of a file in an application that has installed the package. */
async function problemsOf(
  file: string,
  type: 'commonjs' | 'module',
  options: ts.CompilerOptions,
): Promise<string[]> {
  const application = join(folder, `${options.moduleResolution}-${type}`);
  mkdirSync(application, { recursive: true });
  ts.sys.writeFile(join(application, 'package.json'), JSON.stringify({ type }));
  const copy = join(application, file.replaceAll('/', '-'));
  await cp(join(ROOT, file), copy);
  const all = { ...COMMON, ...options, typeRoots: [join(ROOT, 'node_modules/@types')] };
  const program = ts.createProgram([copy], all, hostOf(all));
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

function hostOf(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const onDisk = host.getSourceFile;
  host.getSourceFile = (path, how, ...rest) => {
    // Each test writes its own file; all others stay as they are.
    if (path.startsWith(folder) || path.includes('.types-line-'))
      return onDisk.call(host, path, how, ...rest);
    const format = typeof how === 'object' ? how.impliedNodeFormat : undefined;
    const key = `${options.moduleResolution} ${format} ${path}`;
    const parsed = PARSED.get(key) ?? onDisk.call(host, path, how, ...rest);
    if (parsed !== undefined) PARSED.set(key, parsed);
    return parsed;
  };
  return host;
}

describe.each(RESOLUTIONS)('with moduleResolution %s', (_, type, options) => {
  it(
    'declared events are checked, and handlers see what JSON gives back',
    async () => expect(await problemsOf('test/types/typed-events.ts', type, options)).toEqual([]),
    COMPILING_MS,
  );

  it(
    'publishing and handlers are typed from the definition of a contract',
    async () => expect(await problemsOf('test/types/contracts.ts', type, options)).toEqual([]),
    COMPILING_MS,
  );

  it(
    'the handlers of sagas are checked against their events',
    async () => expect(await problemsOf('test/types/sagas.ts', type, options)).toEqual([]),
    COMPILING_MS,
  );

  it(
    'the types of decorated methods may be imported without the word type',
    async () => expect(await problemsOf('test/types/decorated-imports.ts', type, options)).toEqual([]),
    COMPILING_MS,
  );

  it(
    'strictEvents refuses a misspelt name of a declared namespace',
    async () => expect(await problemsOf('test/types/strict/strict-events.ts', type, options)).toEqual([]),
    COMPILING_MS,
  );
});

describe.each(RESOLUTIONS.filter(([name]) => name === 'node16' || name === 'bundler'))(
  'with moduleResolution %s the transaction is that of the library',
  (_, type, options) => {
    it.each(readdirSync(join(ROOT, 'test/types/clients')))(
      '%s',
      async (file) => expect(await problemsOf(`test/types/clients/${file}`, type, options)).toEqual([]),
      COMPILING_MS,
    );
  },
);

describe('what the compiler says', () => {
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  };
  const ON_HOST = `import type { IntegrationDeveloperApiService } from 'nestjs-integration';
declare module 'nestjs-integration' {
  interface IntegrationEvents { 'invoice.created': { total: number }; 'invoice.numbered': { id: bigint } }
  interface IntegrationTypes { strictEvents: true }
}
declare const api: IntegrationDeveloperApiService;
const invoices = api.for('finance', 'invoice');
`;

  it.each([
    [
      `invoices.publish('invoice.craeted', '1', {});`,
      ['NotDeclared<"invoice.craeted", "invoice.created" | "invoice.numbered">'],
    ],
    [`invoices.publish('invoice.created', '1');`, ['PayloadMissing<"invoice.created">']],
    [
      `invoices.publish('invoice.numbered', '1', { id: 5n });`,
      ['a bigint: declare a string and publish String('],
    ],
  ])(
    'of %s names what is wrong',
    async (line, words) => {
      const name = `node_modules/.types-line-${process.pid}.ts`;
      ts.sys.writeFile(join(ROOT, name), `${ON_HOST}void ${line}\n`);
      const problems = await problemsOf(name, 'module', options);
      rmSync(join(ROOT, name));
      expect(problems).toHaveLength(1);
      for (const word of words) expect(problems[0]).toContain(word);
    },
    COMPILING_MS,
  );
});
