import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import { isIPv6, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import * as tls from 'node:tls';
import type { JudgedAddresses } from './judged-addresses.js';
import { hostOf } from './network-rules.js';
import { portOf } from './refused-url.js';

/** The proxy cannot be reached, or does not take us. It is no fault of who was to be reached. */
export class ProxyFailed extends Error {
  override readonly name = 'ProxyFailed';
}

/** The proxy could not connect to an address, or does not want to. */
export class TunnelRefused extends Error {
  override readonly name = 'TunnelRefused';
}

export interface Tunnels {
  readonly proxy: URL;
  readonly judged: JudgedAddresses;
  /** What is trusted, of a proxy with `https:` as well. */
  readonly secureContext: tls.SecureContext;
  /** For how long a tunnel may take to be dug. */
  readonly openMs: number;
  /** What was asked of the proxy and has no answer yet. Whoever destroys it ends the digging. */
  readonly asked: Set<ClientRequest>;
  /** Whether no more tunnels are dug. */
  isClosed(): boolean;
}

/** What a connection is asked for by the agents of Node. */
interface Wanted {
  readonly host: string;
  readonly port: number;
}

type Made = (error: Error | null, socket?: Duplex) => void;

/** An agent whose connections go through a proxy. */
export function tunnelAgent(
  options: ConstructorParameters<typeof HttpAgent>[0],
  tunnels: Tunnels,
): HttpAgent {
  return digging(new HttpAgent(options), tunnels, (socket) => socket);
}

/** The same with TLS inside. The certificate is compared with the name, not with the address. */
export function secureTunnelAgent(
  options: ConstructorParameters<typeof HttpsAgent>[0],
  tunnels: Tunnels,
): HttpsAgent {
  return digging(new HttpsAgent(options), tunnels, (socket, wanted) => tls.connect({ ...wanted, socket }));
}

/** Agents call `createConnection` for each new connection; its second argument takes what comes later. */
function digging<A extends HttpAgent>(
  agent: A,
  tunnels: Tunnels,
  finish: (socket: Socket, wanted: Wanted) => Socket,
): A {
  return Object.assign(agent, {
    createConnection(wanted: Wanted, made: Made): undefined {
      dig(wanted, tunnels).then((socket) => made(null, finish(socket, wanted)), made);
    },
  });
}

/** The addresses are tried one after the other, until the proxy reaches one. */
async function dig({ host, port }: Wanted, tunnels: Tunnels): Promise<Socket> {
  let refused: unknown;
  for (const address of await tunnels.judged(host)) {
    if (tunnels.isClosed()) throw new ProxyFailed('The way out is closed');
    try {
      return await connectThrough(isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`, tunnels);
    } catch (error) {
      if (!(error instanceof TunnelRefused)) throw error;
      refused = error;
    }
  }
  throw refused;
}

function connectThrough(path: string, tunnels: Tunnels): Promise<Socket> {
  const asked = askProxy(path, tunnels);
  tunnels.asked.add(asked);
  // The time covers the answer of the proxy, which waits for the other side itself.
  const timer = setTimeout(() => asked.destroy(), tunnels.openMs);
  const made = new Promise<Socket>((resolve, reject) => {
    asked.once('connect', ({ statusCode = 0 }, socket: Socket, head) => {
      if (statusCode >= 200 && statusCode < 300 && head.length === 0) return resolve(socket);
      socket.destroy();
      reject(refusalOf(statusCode));
    });
    asked.once('error', ({ code }: NodeJS.ErrnoException) =>
      reject(new ProxyFailed(`The proxy cannot be reached${code === undefined ? '' : ` (${code})`}`)),
    );
  });
  return made.finally(() => {
    clearTimeout(timer);
    tunnels.asked.delete(asked);
  });
}

function askProxy(path: string, { proxy, secureContext }: Tunnels): ClientRequest {
  const { username, password } = proxy;
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  const options: RequestOptions & { secureContext: tls.SecureContext } = {
    method: 'CONNECT',
    host: hostOf(proxy),
    port: portOf(proxy),
    path,
    agent: false,
    headers: {
      host: path,
      ...(username === '' ? {} : { 'proxy-authorization': `Basic ${login.toString('base64')}` }),
    },
    rejectUnauthorized: true,
    secureContext,
  };
  const asked = proxy.protocol === 'https:' ? httpsRequest(options) : httpRequest(options);
  asked.end();
  return asked;
}

function refusalOf(status: number): Error {
  return status === 407
    ? new ProxyFailed('The proxy wants a user and a password, or others (407)')
    : new TunnelRefused(`The proxy answered ${status} when it was asked for a connection`);
}
