import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { largeReadSocket } from './large-read-socket.js';

const KIB = 1024;

describe('a socket that reads large pieces', () => {
  let server: Server;
  let socket: Socket;
  let pieces: Buffer[];

  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    pieces = [];
    socket = largeReadSocket();
    socket.on('data', (piece: Buffer) => pieces.push(piece));
  });

  afterEach(() => {
    socket.destroy();
    server.close();
  });

  it('hands on all that arrives as it was sent, and nothing of it changes with what is read later', async () => {
    const sent = Buffer.alloc(16 * KIB * KIB);
    for (let at = 0; at < sent.length; at += 4) sent.writeUInt32BE(at, at);
    (await connected()).end(sent);
    await once(socket, 'end');
    expect(Buffer.concat(pieces).equals(sent)).toBe(true);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeGreaterThan(64 * KIB);
  });

  it('reads nothing while it is paused, and the rest afterwards', async () => {
    const other = await connected();
    other.write('a');
    await once(socket, 'data');
    socket.pause();
    other.end('bc');
    await once(other, 'finish');
    for (let turns = 0; turns < 10; turns++) await turn();
    expect(pieces.join('')).toBe('a');
    socket.resume();
    await once(socket, 'end');
    expect(pieces.join('')).toBe('abc');
  });

  it('says that the other end is gone', async () => {
    const other = await connected();
    other.resetAndDestroy();
    const [error] = await once(socket, 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
  });

  async function connected(): Promise<Socket> {
    const accepted = once(server, 'connection');
    socket.connect((server.address() as AddressInfo).port, '127.0.0.1');
    return (await accepted)[0];
  }
});
