import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

/**
 * Bytes. This is enough for some hundred events of ordinary size. Without it, a socket reads at most 64 KiB
 * at once.
 */
const MOST_AT_ONCE = 256 * 1024;

/**
 * A socket that reads up to `MOST_AT_ONCE` bytes in one piece. Pages of the log arrive in large answers. Each
 * piece costs a call from the event loop into JavaScript, and a block of 64 KiB even if it holds little. The
 * socket is for unencrypted connections only, because TLS delivers one record at a time, of at most 16 KiB.
 */
export function largeReadSocket(): Socket {
  const onread: OnReadOpts = {
    // Each socket has its own buffer, because two sockets must not share one: Windows holds the buffer before
    // any data has arrived.
    buffer: Buffer.allocUnsafeSlow(MOST_AT_ONCE),
    callback: (length, arrived) => {
      // The data is copied, because listeners keep parts of it and the next read overwrites the buffer.
      socket.emit('data', Buffer.from(arrived.subarray(0, length)));
      return true;
    },
  };
  // The types name `onread` for `connect` only, but the constructor is what takes it.
  const socket = new Socket({ onread } as SocketConstructorOpts);
  return socket;
}

/** node-postgres takes this function as `stream` and calls it for each connection with its settings. */
export function socketFor(settings?: { ssl?: unknown }): Socket {
  return settings === undefined || settings.ssl ? new Socket() : largeReadSocket();
}
