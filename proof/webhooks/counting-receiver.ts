import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A receiver of webhooks in this process, which counts requests by path and `webhook-id`. */
export class CountingReceiver {
  /** How often each of them came: `<path> <id>`. */
  readonly counts = new Map<string, number>();
  requests = 0;

  private constructor(private readonly server: Server) {}

  /**
   * @param answerMs how long it takes to answer, in milliseconds
   * @param remembers whether it counts each of them apart, which takes memory
   */
  static async start(answerMs: () => number, { remembers = true } = {}): Promise<CountingReceiver> {
    const server = createServer();
    const receiver = new CountingReceiver(server);
    server.keepAliveTimeout = 60_000;
    server.on('request', (request, response: ServerResponse) => {
      request.resume();
      request.on('end', () => {
        receiver.requests++;
        if (remembers) receiver.count(`${request.url} ${request.headers['webhook-id']}`);
        setTimeout(() => response.writeHead(200).end(), answerMs());
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private count(key: string): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }
}
