import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { connectTo } from './relay.js';
import { until } from './until.js';

/** A way to the server that can be cut off for a while. */
export class Outage {
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private dropping = false;
  /** How many connections were taken and ended at once. */
  dropped = 0;
  private port = 0;

  private constructor(private readonly target: URL) {
    this.server = createServer({ noDelay: true }, (inbound) => this.forward(inbound));
  }

  static async of(databaseUrl: string): Promise<Outage> {
    const outage = new Outage(new URL(databaseUrl));
    await outage.listen();
    return outage;
  }

  /** The database's URL through it. */
  get url(): string {
    const url = new URL(this.target);
    url.hostname = '127.0.0.1';
    url.port = String(this.port);
    return url.toString();
  }

  /** Nobody listens any more. */
  async refuse(): Promise<void> {
    await this.stopListening();
  }

  /** Connections are taken, and end at once, as by a load balancer without a server behind it. */
  async drop(): Promise<void> {
    this.dropping = true;
    this.endAll();
  }

  /** New connections are taken, and end at once. Those that exist stay. */
  refuseNew(): void {
    this.dropping = true;
  }

  /** It is over. */
  async end(): Promise<void> {
    this.dropping = false;
    if (!this.server.listening) await this.listen();
  }

  close(): Promise<void> {
    return this.stopListening();
  }

  private async listen(): Promise<void> {
    // Somebody else may have the port for a moment, as the near end of a connection.
    await until('the port is free', async () => {
      this.server.listen(this.port, '127.0.0.1');
      return once(this.server, 'listening').then(
        () => true,
        () => false,
      );
    });
    this.port = (this.server.address() as AddressInfo).port;
  }

  private stopListening(): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.endAll();
    return stopped;
  }

  private endAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private forward(inbound: Socket): void {
    if (this.dropping) {
      this.dropped++;
      inbound.destroy();
      return;
    }
    const outbound = connectTo(this.target);
    for (const [socket, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      this.sockets.add(socket);
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
