import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE_NAME = 'nestjs-integration';
let found: string | undefined;

/**
 * The folder that holds the package.json of this package. Undefined if a bundler has put the code of the
 * package into a file of the host and left the rest behind. A folder counts only if its package.json has the
 * name of this package, because the host has a `prisma/migrations` of its own, which must never be taken for
 * that of the package.
 *
 * The folder is searched first where the code stands, then as a copy beside the bundle, then where Node finds
 * packages.
 */
export function packageFolder(): string | undefined {
  found ??= candidates().find(isThisPackage);
  return found;
}

/** The version of this package. Undefined if its package.json is not found. */
export function packageVersion(): string | undefined {
  const folder = packageFolder();
  return folder === undefined ? undefined : manifestIn(folder).version;
}

/** The place where a copy of the package is searched if its code is in a bundle. */
export function copyBesideBundle(): string {
  return join(dirname(fileOfCode()), PACKAGE_NAME);
}

function candidates(): string[] {
  const file = fileOfCode();
  // Both src/database/migrations and dist/database/migrations lie three folders below the root of the
  // package.
  return [dirname(dirname(dirname(dirname(file)))), copyBesideBundle(), ...resolvedFrom(file)];
}

function resolvedFrom(file: string): string[] {
  try {
    return [dirname(createRequire(file).resolve(`${PACKAGE_NAME}/package.json`))];
  } catch {
    return [];
  }
}

function manifestIn(folder: string): { name?: string; version?: string } {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name?: string;
    version?: string;
  };
}

function isThisPackage(folder: string): boolean {
  try {
    return manifestIn(folder).name === PACKAGE_NAME;
  } catch {
    return false;
  }
}

/**
 * The file that this code runs from. It does not use `import.meta`, because the Jest of a CommonJS host
 * compiles the package to CommonJS, where `import.meta` is a syntax error. A stack frame knows its file in
 * both module systems. A bundler may have made up the name of that file. Then the file that was started is
 * taken, because it stands beside the bundle.
 */
function fileOfCode(): string {
  const file = fileOfCaller();
  if (file.startsWith('file:')) return fileURLToPath(file);
  return /^[a-z-]{2,}:/i.test(file) || file === '' ? (process.argv[1] ?? process.cwd()) : file;
}

/** The file of the calling function, which is this file here. */
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
