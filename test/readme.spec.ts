import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

const ROOT = join(import.meta.dirname, '..');
/** Where the examples stand for the compiler: beside the generated client of the tests, which plays the host's. */
const FOLDER = import.meta.dirname;

/** The ```ts blocks that begin with `// file: name.ts`, by name. Blocks of one name continue each other. */
function exampleFiles(markdown: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const [, name = '', text = ''] of markdown.matchAll(/^```ts\n\/\/ file: (\S+\.ts)\n(.*?)^```$/gms)) {
    const path = join(FOLDER, name);
    files.set(path, (files.get(path) ?? '') + text);
  }
  return files;
}

/** What the compiler has to say of files that exist in memory only. */
function problemsOf(files: Map<string, string>): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const examples = { ...options, noUnusedLocals: false, noUnusedParameters: false, incremental: false };
  const host = ts.createCompilerHost(examples);
  const onDisk = { fileExists: host.fileExists, readFile: host.readFile, getSourceFile: host.getSourceFile };
  host.fileExists = (path) => files.has(path) || onDisk.fileExists.call(host, path);
  host.readFile = (path) => files.get(path) ?? onDisk.readFile.call(host, path);
  host.getSourceFile = (path, version, ...rest) => {
    const text = files.get(path);
    if (text !== undefined) return ts.createSourceFile(path, text, version, true);
    return onDisk.getSourceFile.call(host, path, version, ...rest);
  };
  const program = ts.createProgram([...files.keys()], examples, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${file?.fileName.replace(`${ROOT}/`, '') ?? ''}:${line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

describe('the README', () => {
  const files = exampleFiles(readFileSync(join(ROOT, 'README.md'), 'utf8'));

  it('shows a first use and further examples', () => {
    expect(files.size).toBeGreaterThan(0);
  });

  it('shows examples that compile', () => {
    expect(problemsOf(files)).toEqual([]);
  });

  it('would notice one that does not', () => {
    const broken = exampleFiles("```ts\n// file: broken.ts\nexport const total: number = 'seven';\n```\n");
    expect(problemsOf(broken)).toEqual([expect.stringContaining('test/broken.ts:1 ')]);
  });
});
