import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  /** 0 if the server ended the connection without an answer. */
  readonly status: number;
  readonly text: string;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/**
 * One connection on which requests are sent byte for byte, also such as no client of HTTP sends. It is opened
 * anew where the server has ended it.
 */
export class RawConnection {
  private socket: Socket | undefined;

  constructor(private readonly port: number) {}

  /**
   * Sends these bytes and resolves with the first answer. With `last` the connection is half closed behind
   * them, and is not used again.
   */
  send(bytes: Buffer, { last = false, isHead = false } = {}): Promise<RawAnswer> {
    const socket = this.open();
    return new Promise((resolve) => {
      let got = Buffer.alloc(0);
      const end = (answer: RawAnswer, isUsable: boolean) => {
        socket.off('data', onData).off('close', onClose).off('error', ignore);
        if (!isUsable || last) this.close();
        resolve(answer);
      };
      const onData = (piece: Buffer) => {
        got = Buffer.concat([got, piece]);
        const answer = answerIn(got, isHead);
        if (answer !== undefined) end(answer, answer.isUsable);
      };
      const onClose = () => end(answerIn(got, true) ?? { status: 0, text: '' }, false);
      const ignore = () => undefined;
      socket.on('data', onData).on('close', onClose).on('error', ignore);
      if (last) socket.end(bytes);
      else socket.write(bytes);
    });
  }

  close(): void {
    this.socket?.on('error', () => undefined).destroy();
    this.socket = undefined;
  }

  private open(): Socket {
    if (this.socket === undefined || this.socket.destroyed || this.socket.readableEnded)
      this.socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true });
    return this.socket;
  }
}

interface FoundAnswer extends RawAnswer {
  readonly isUsable: boolean;
}

/** The first final answer in these bytes, if it is complete. */
function answerIn(bytes: Buffer, isAll = false): FoundAnswer | undefined {
  const at = bytes.indexOf(HEAD_END);
  if (at < 0) return undefined;
  const head = bytes.subarray(0, at).toString('latin1');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
  const rest = bytes.subarray(at + HEAD_END.length);
  if (status === 100) return answerIn(rest, isAll);
  if (status === 204) return { status, text: '', isUsable: true };
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  // What a server says without a date stands outside of HTTP proper: it ends the connection behind it.
  const isKept = !/\r\nconnection: *close/i.test(head) && /\r\ndate:/i.test(head);
  if (length === undefined) {
    const isEnd =
      isAll || (/\r\ntransfer-encoding: *chunked/i.test(head) && rest.toString().endsWith('0\r\n\r\n'));
    return isEnd ? { status, text: rest.toString(), isUsable: false } : undefined;
  }
  if (rest.length < Number(length) && !isAll) return undefined;
  return { status, text: rest.subarray(0, Number(length)).toString(), isUsable: isKept };
}

/** A request as it goes over the wire. Header values are written in latin1. */
export function requestBytes(
  line: string,
  headers: readonly (readonly [string, string])[],
  body: Buffer,
): Buffer {
  const head = [line, ...headers.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

/** Works off `jobs` on several connections at once. */
export async function onConnections<T>(
  port: number,
  jobs: Iterable<T>,
  work: (connection: RawConnection, job: T) => Promise<void>,
  count = 8,
): Promise<void> {
  const queue = jobs[Symbol.iterator]();
  const rest = { [Symbol.iterator]: () => queue };
  await Promise.all(
    Array.from({ length: count }, async () => {
      const connection = new RawConnection(port);
      try {
        for (const job of rest) await work(connection, job);
      } finally {
        connection.close();
      }
    }),
  );
}
