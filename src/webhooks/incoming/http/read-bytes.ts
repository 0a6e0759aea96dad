import type { IncomingMessage } from 'node:http';

/**
 * Reads a body to its end. Undefined if it has more than `limit` bytes; the rest is not read then. What a
 * request says of its length is believed only where it is too much.
 */
export function readBytes(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    const end = (settle: () => void) => {
      request.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
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
    const onError = (error: Error) => end(() => reject(error));
    const onClose = () => end(() => reject(new Error('The sender ended the request before its body')));
    request.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}
