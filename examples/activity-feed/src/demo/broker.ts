import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { STREAM } from '../streaming/activity-stream.js';
import type { DemoOptions } from './options.js';

/** A NATS server to which the application relays. */
export interface DemoBroker {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * The server at NATS_URL, else one of the demo's own if `nats-server` is installed. Undefined if there is none: the application
 * then relays nothing.
 */
export async function openBroker({ serve }: Pick<DemoOptions, 'serve'>): Promise<DemoBroker | undefined> {
  const given = process.env.NATS_URL;
  if (given) return { url: given, close: async () => {} };
  return serve ? undefined : startServer();
}

async function startServer(): Promise<DemoBroker | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'activity-feed-nats-'));
  // Ctrl-C in the terminal ends the demo, which then ends its server.
  const server = spawn('nats-server', ['-a', '127.0.0.1', '-p', '-1', '-js', '-sd', folder], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const end = () => server.kill('SIGKILL');
  process.once('exit', end);
  const ended = once(server, 'exit').catch(() => {});
  const url = await new Promise<string | undefined>((resolve) => {
    let address: string | undefined;
    createInterface({ input: server.stderr }).on('line', (line) => {
      address ??= /client connections on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (line.includes('Server is ready')) resolve(address);
    });
    void ended.then(() => resolve(undefined));
  });
  const close = async () => {
    end();
    await ended;
    process.off('exit', end);
    rmSync(folder, { recursive: true, force: true });
  };
  if (url !== undefined) return { url, close };
  await close();
  return undefined;
}

/** How often the stream has each event, by its id. */
export async function relayedEvents({ url }: DemoBroker): Promise<Map<string, number>> {
  const [{ connect }, { jetstream, jetstreamManager }] = await Promise.all([
    import('@nats-io/transport-node'),
    import('@nats-io/jetstream'),
  ]);
  const connection = await connect({ servers: url });
  try {
    const { state } = await (await jetstreamManager(connection)).streams.info(STREAM);
    const times = new Map<string, number>();
    if (state.messages === 0) return times;
    const consumer = await jetstream(connection).consumers.get(STREAM);
    for await (const message of await consumer.fetch({ max_messages: state.messages })) {
      const { id } = message.json<{ id: string }>();
      times.set(id, (times.get(id) ?? 0) + 1);
    }
    return times;
  } finally {
    await connection.close();
  }
}
