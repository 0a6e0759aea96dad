import ts from 'typescript';
import { codeBlocks } from './pages.js';

const FIRST_LINE = /^(?:\/\/|--) file: (\S+)\n/;

/** The blocks of TypeScript that begin with `// file: name.ts`, by name. */
export function examplesOf(markdown: string): Map<string, string> {
  return new Map([...filesOf(markdown)].filter(([name]) => name.endsWith('.ts')));
}

/** The blocks of any language whose first line is a comment with `file:` and a name, by name. */
export function filesOf(markdown: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const { text } of codeBlocks(markdown)) {
    const name = FIRST_LINE.exec(text)?.[1];
    if (name !== undefined) found.set(name, text);
  }
  return found;
}

/** Runs the text of an example as a module. It imports from what is given, and from nothing else. */
export function runExample<Exports>(text: string, modules: Readonly<Record<string, object>>): Exports {
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    },
  });
  const exports = {};
  const given = (name: string) => {
    if (modules[name] === undefined)
      throw new Error(`The example imports ${name}, which the test does not give`);
    return modules[name];
  };
  new Function('exports', 'require', outputText)(exports, given);
  return exports as Exports;
}
