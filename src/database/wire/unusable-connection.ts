/**
 * A connection that the engine gives up itself, or does not get: its server is silent, or is not the one that
 * it was. It has the code that sockets have for it, so that whoever looks at codes takes it for the loss that
 * it is.
 */
export class UnusableConnection extends Error {
  readonly code = 'ECONNABORTED';
}
