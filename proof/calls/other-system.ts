import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CallTypeName, ProofRequest } from './calls-of-proof.js';

/** What the other system knows of one call, by the idempotency key that came with it. */
interface Task {
  readonly id: string;
  /** How often the request came. */
  requests: number;
  /** How often it did what was asked. */
  effects: number;
  readonly kind: ProofRequest['kind'];
}

/** The other system, on a port of 127.0.0.1. It counts what it is asked to do. */
export class OtherSystem {
  readonly tasks = new Map<string, Task>();
  private readonly held: (() => void)[] = [];
  private isHolding = false;

  private constructor(
    private readonly server: Server,
    private readonly tell: (externalId: string) => void,
  ) {
    server.on('request', (request, response) => void this.answer(request, response));
  }

  /** @param tell sends a webhook */
  static async start(tell: (externalId: string) => void): Promise<OtherSystem> {
    const server = createServer();
    const system = new OtherSystem(server, tell);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return system;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** How many requests wait for `release`. */
  get waiting(): number {
    return this.held.length;
  }

  hold(): void {
    this.isHolding = true;
  }

  release(): void {
    this.isHolding = false;
    for (const go of this.held.splice(0)) go();
  }

  async stop(): Promise<void> {
    this.release();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    const key = searchParams.get('key') ?? '';
    const say = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const known = this.tasks.get(key);
    if (request.method === 'GET') {
      const isDone = pathname === '/ask' && known?.kind === 'asked';
      const status = known === undefined ? 404 : statusOf(known.kind);
      return say(status, { id: known?.id, isDone, kind: known?.kind });
    }
    const type = searchParams.get('type') as CallTypeName;
    const kind = searchParams.get('kind') as ProofRequest['kind'];
    const task = known ?? { id: `x-${key}`, requests: 0, effects: 0, kind };
    task.requests++;
    // Who knows keys does nothing twice.
    if (known === undefined || type === 'found') task.effects++;
    this.tasks.set(key, task);
    if (this.isHolding) await new Promise<void>((resolve) => this.held.push(resolve));
    if (kind === 'told') this.tell(task.id);
    if (kind === 'lost' && task.requests === 1) {
      request.socket.destroy();
      return;
    }
    say(statusOf(kind), { id: task.id, kind });
  }
}

const statusOf = (kind: ProofRequest['kind']) => (kind === 'refused' ? 422 : 200);
