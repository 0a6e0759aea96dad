/**
 * A secret for tests that look for it in everything that is said. No four of its characters stand together in
 * a uuid, a hash, a time or a sentence, so each part of it can be looked for.
 */
export const PLANTED = 'Q~zX!w0K#v^Jy$Pu*Rh@Gm';
const SHORTEST_PART = 4;

/** What the planted secret, and these other bytes, look like as text, in whole and the secret in parts. */
export function shapesOf(...others: readonly Buffer[]): string[] {
  const parts = Array.from({ length: PLANTED.length - SHORTEST_PART + 1 }, (_, at) =>
    PLANTED.slice(at, at + SHORTEST_PART),
  );
  const encoded = [Buffer.from(PLANTED), ...others].flatMap((bytes) => [
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('hex'),
  ]);
  return [...parts, ...encoded];
}
