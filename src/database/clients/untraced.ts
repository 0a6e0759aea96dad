/**
 * Asks the host's client now, without a stack trace. Prisma takes a trace for every statement, so that its
 * errors can show the line that asked. It never shows a line of this package, so the trace would be made for
 * nothing. An error that comes later has its own trace as before.
 */
export function untraced<R>(ask: () => PromiseLike<R>): Promise<R> {
  const limit = Error.stackTraceLimit;
  // An assignment would throw if the intrinsics are frozen.
  Reflect.set(Error, 'stackTraceLimit', 0);
  try {
    // Prisma sends nothing before somebody waits for the answer.
    return new Promise((resolve, reject) => {
      ask().then(resolve, reject);
    });
  } finally {
    Reflect.set(Error, 'stackTraceLimit', limit);
  }
}

/** Returns whether an error says where it was made. */
export function isTraced({ stack }: Error): boolean {
  return stack?.includes('\n    at ') === true;
}
