import type { Handle } from './measured-system.js';
import type { QueuedRow } from './row-queue.store.js';

/** The handler of both references, as applications write them and as every other system calls its own: an async function, awaited for each event. */
export async function handleRow({ payload }: QueuedRow, consumer: number, handle: Handle): Promise<void> {
  handle(consumer, payload.n);
}
