import type { IncomingMessage } from 'node:http';

/** The connection ended in the middle of a body, so there is nobody to answer. */
export class SenderGone extends Error {
  override readonly name = 'SenderGone';
}

/**
 * Reads a body to its end. Undefined if it has more than `limit` bytes; the rest is not read then. What a
 * request says of its length is believed only where it is too much.
 *
 * @throws SenderGone
 */
export function readBytes(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    const end = (settle: () => void) => {
      request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
      settle();
    };
    const onData = (piece: Buffer) => {
      bytes += piece.length;
      pieces.push(piece);
      if (bytes <= limit) return;
      request.pause();
      end(() => resolve(undefined));
    };
    const onEnd = () => end(() => resolve(Buffer.concat(pieces, bytes)));
    const onGone = () => end(() => reject(new SenderGone('The sender went before its body had ended')));
    request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}
