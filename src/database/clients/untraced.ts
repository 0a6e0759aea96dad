/**
 * Asks the host's client now, without a stack trace. Prisma takes one for every statement, to print in its
 * errors the line that asked. For a line of this package it never does, and the trace is a twentieth of the
 * time that publishing takes Node. What fails later has its own as ever.
 */
export function untraced<R>(ask: () => PromiseLike<R>): Promise<R> {
  const limit = Error.stackTraceLimit;
  // An assignment would throw where the intrinsics are frozen.
  Reflect.set(Error, 'stackTraceLimit', 0);
  try {
    // Prisma sends nothing before somebody waits for it.
    return new Promise((resolve, reject) => {
      ask().then(resolve, reject);
    });
  } finally {
    Reflect.set(Error, 'stackTraceLimit', limit);
  }
}

/** Whether an error says where it was made. */
export function isTraced({ stack }: Error): boolean {
  return stack?.includes('\n    at ') === true;
}
