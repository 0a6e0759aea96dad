import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';

/** A server of a test's own on a loopback address, which counts the connections that were made to it. */
export class LoopbackServer {
  connections = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {
    server.on('connection', (socket: Socket) => {
      this.connections++;
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  /** Takes connections, and does with each what the test says. */
  static raw(onSocket: (socket: Socket) => void, address = '127.0.0.1', port = 0): Promise<LoopbackServer> {
    return LoopbackServer.listen(createServer(onSocket), address, port);
  }

  static http(onRequest: RequestListener, address = '127.0.0.1', port = 0): Promise<LoopbackServer> {
    return LoopbackServer.listen(createHttpServer(onRequest), address, port);
  }

  static https(tls: TlsOptions, onRequest: RequestListener): Promise<LoopbackServer> {
    return LoopbackServer.listen(createHttpsServer(tls, onRequest), '127.0.0.1', 0);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** How many connections are open. */
  get open(): number {
    return this.sockets.size;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((closed) => this.server.close(closed));
  }

  private static async listen(server: Server, address: string, port: number): Promise<LoopbackServer> {
    await new Promise<void>((listening, failed) => {
      server.once('error', failed);
      server.listen(port, address, listening);
    });
    return new LoopbackServer(server, address);
  }
}
