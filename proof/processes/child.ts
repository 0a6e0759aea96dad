import type { Message, Request } from './protocol.js';

/** Reads what the harness said at the start. */
export function setupOf<T>(): T {
  return JSON.parse(process.env.PROOF_SETUP ?? '{}') as T;
}

export function tell(message: Message): void {
  if (process.connected) process.send?.(message);
}

/** Answers requests; ends the process when the harness is gone. */
export function answerRequests<R = Request>(answer: (request: R) => Promise<unknown>): void {
  process.on('message', ({ id, request }: { id: number; request: R }) => {
    answer(request).then(
      (value) => tell({ kind: 'answer', id, value }),
      (error) => tell({ kind: 'failure', id, error: String(error?.stack ?? error) }),
    );
  });
  process.on('disconnect', () => process.exit(3));
}

export function usage() {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1e3, residentBytes: process.memoryUsage.rss() };
}
