import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The folder of this package's package.json.
 *
 * Not by `import.meta`: the Jest of a CommonJS host compiles the package to CommonJS, where that is a syntax error. A stack
 * frame knows its file in both worlds.
 */
export function packageFolder(): string {
  const file = fileOfCaller();
  // Both src/database and dist/database lie two folders below the package's root.
  return dirname(dirname(dirname(file.startsWith('file:') ? fileURLToPath(file) : file)));
}

/** The file of the function that calls this one: here, this file. */
function fileOfCaller(): string {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_error, frames) => frames[0]?.getFileName() ?? '';
    const holder: { stack?: unknown } = {};
    Error.captureStackTrace(holder, fileOfCaller);
    return String(holder.stack);
  } finally {
    Object.assign(Error, { prepareStackTrace, stackTraceLimit });
  }
}
