import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

/** Some hundred events of ordinary size. By itself a socket reads at most 64 KiB at once. */
const MOST_AT_ONCE = 256 * 1024;

/**
 * A socket that takes over in one piece what has arrived, up to `MOST_AT_ONCE`: pages of the log come in
 * large answers, and each piece costs a call from the event loop into JavaScript, and a block of 64 KiB
 * however little is in it. For unencrypted connections: what TLS hands on is one record, of 16 KiB at the
 * most.
 */
export function largeReadSocket(): Socket {
  const onread: OnReadOpts = {
    // Of its own: on Windows the system has it before anything has arrived, so that two sockets must not
    // share one.
    buffer: Buffer.allocUnsafeSlow(MOST_AT_ONCE),
    callback: (length, arrived) => {
      // A copy, since listeners keep parts of what they are given, and the next read overwrites this.
      socket.emit('data', Buffer.from(arrived.subarray(0, length)));
      return true;
    },
  };
  // The types name it for `connect` only; the constructor is what takes it.
  const socket = new Socket({ onread } as SocketConstructorOpts);
  return socket;
}

/** Asked by node-postgres for each connection, with its settings: what it takes as `stream`. */
export function socketFor(settings?: { ssl?: unknown }): Socket {
  return settings === undefined || settings.ssl ? new Socket() : largeReadSocket();
}
