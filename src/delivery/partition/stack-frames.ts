/** A line of a stack. */
export interface StackFrame {
  /** The function. It is empty for code outside of one. */
  readonly name: string;
  /** A path, a URL of a file, or what Node says of its own code (`node:internal/timers`). */
  readonly file: string;
}

export function frameOf(line: string): StackFrame | undefined {
  const [, name = '', file] = /^ {4}at (?:(.{1,300}) \()?(.{1,1000}?):\d+:\d+\)?$/.exec(line) ?? [];
  return file === undefined ? undefined : { name, file };
}

/** Whether a file is neither Node's, nor a package's, nor ours. */
export function isOfHost(file: string): boolean {
  if (!/[\\/]/.test(file) || file.startsWith('node:') || /[\\/]node_modules[\\/]/.test(file)) return false;
  return OWN_CODE === undefined || !file.startsWith(OWN_CODE);
}

/**
 * The lines of a stack down to the last one of the host's code. What is below only says how this package
 * called the handler. A stack without a line of the host's code is left as it is.
 */
export function withoutCallers(lines: readonly string[]): readonly string[] {
  const last = lines.findLastIndex((line) => {
    const file = frameOf(line)?.file;
    return file !== undefined && isOfHost(file);
  });
  return last < 0 ? lines : lines.slice(0, last + 1);
}

/**
 * Where the code of this package begins. Undefined if a bundler has put the code into a file of the host.
 */
const OWN_CODE =
  /(?:file:\/\/)?(?:[a-z]:)?[\\/][^()\n]*?(?=[\\/]delivery[\\/]partition[\\/]stack-frames\.)/i.exec(
    new Error('where').stack ?? '',
  )?.[0];
