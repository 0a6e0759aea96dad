import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** So long a thread that does not turn waits for what has been sent already. */
const ON_ITS_WAY_MS = 5_000;

/** A way to the server that is open while this thread does nothing, and can be asked what has come meanwhile. */
export interface CountingProxy {
  /** The database's URL through it. */
  readonly url: string;
  /** Whether so many messages with the text have come. It waits for them, and holds up this thread meanwhile. */
  hasCome(count: number): boolean;
  close(): Promise<void>;
}

/** Counts the messages with this text. */
export async function startCountingProxy(databaseUrl: string, text: string): Promise<CountingProxy> {
  const target = new URL(databaseUrl);
  const count = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const thread = new Worker(new URL('./processes/counting-proxy.mjs', import.meta.url), {
    workerData: { host: target.hostname, port: Number(target.port || 5432), text, count },
    execArgv: [],
  });
  const [port] = await once(thread, 'message');
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return {
    url: url.toString(),
    hasCome: (wanted) => {
      const deadline = performance.now() + ON_ITS_WAY_MS;
      for (let come = Atomics.load(count, 0); come < wanted; come = Atomics.load(count, 0)) {
        if (Atomics.wait(count, 0, come, Math.max(0, deadline - performance.now())) === 'timed-out')
          return false;
      }
      return true;
    },
    close: async () => {
      await thread.terminate();
    },
  };
}
