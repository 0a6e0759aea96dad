/**
 * The error for a connection that the engine gives up itself, or does not get, because the server is silent
 * or is another server than before. It has the code that sockets have for a loss, so that code which looks at
 * error codes takes it for a loss too.
 */
export class UnusableConnection extends Error {
  readonly code = 'ECONNABORTED';
}
