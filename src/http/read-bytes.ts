import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { headerOf, type ServerRequest } from './server-request.js';

/** The connection ended in the middle of a body, so there is nobody to answer. */
export class SenderGone extends Error {
  override readonly name = 'SenderGone';
}

/** A body has more bytes than it may have. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';

  constructor(readonly limit: number) {
    super(`The body has more than ${limit} bytes`);
  }
}

/** How many bytes a request says that its body has. */
export function lengthSaidOf(request: Pick<ServerRequest, 'headers'>): number {
  return Number(headerOf(request, 'content-length') ?? 0);
}

/** Whether all of a stream can still be read. What has ended, or gave something away, never says so again. */
export function isUnread(stream: Readable): boolean {
  return stream.readable && !stream.readableDidRead;
}

/**
 * Reads a body to its end. Undefined if it has more than `limit` bytes; the rest is not read then. What a
 * request says of its length is believed only where it is too much.
 *
 * @throws SenderGone
 */
export function readBytes(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  if (lengthSaidOf(request) > limit) return Promise.resolve(undefined);
  return readStream(request, limit);
}

/** The same for a stream that says nothing of its length. */
export function readStream(stream: Readable, limit: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    const end = (settle: () => void) => {
      stream.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
      settle();
    };
    const onData = (given: Buffer | string) => {
      // Somebody may have asked for texts.
      const piece = typeof given === 'string' ? Buffer.from(given, stream.readableEncoding ?? 'utf8') : given;
      bytes += piece.length;
      pieces.push(piece);
      if (bytes <= limit) return;
      stream.pause();
      end(() => resolve(undefined));
    };
    const onEnd = () => end(() => resolve(Buffer.concat(pieces, bytes)));
    const onGone = () => end(() => reject(new SenderGone('The sender went before its body had ended')));
    stream.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}
