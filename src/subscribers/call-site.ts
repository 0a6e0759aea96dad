import { fileURLToPath } from 'node:url';

/** Returns the caller of `below` as `file:line`. Messages use it to say where something was registered. */
export function callSiteOf(below: (...args: never[]) => unknown): string {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, below);
  for (const frame of holder.stack?.split('\n').slice(1) ?? []) {
    const site = siteOf(frame.trim());
    if (site !== undefined) return site;
  }
  return 'an unknown place';
}

/**
 * Where an error was thrown, as `file:line`. Its message is passed over, because it may hold anything that
 * looks like a frame.
 */
export function siteOfError(error: unknown): string | undefined {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return undefined;
  const message = String(error.message);
  const begin = error.stack.indexOf(message);
  const frames = begin < 0 ? [] : error.stack.slice(begin + message.length).split('\n');
  for (const frame of frames) {
    const site = siteOf(frame.trim());
    if (site !== undefined) return site;
  }
  return undefined;
}

/**
 * A frame has the form `at name (location:line:column)` or `at location:line:column`. Frames of Node itself
 * are skipped.
 */
function siteOf(frame: string): string | undefined {
  const location = frame.endsWith(')')
    ? frame.slice(frame.lastIndexOf(' (') + 2, -1)
    : frame.replace(/^at (async )?/, '');
  const [, file, line] = /^(.*):(\d+):\d+$/.exec(location) ?? [];
  if (file === undefined || file.startsWith('node:')) return undefined;
  return `${file.startsWith('file:') ? fileURLToPath(file) : file}:${line}`;
}
