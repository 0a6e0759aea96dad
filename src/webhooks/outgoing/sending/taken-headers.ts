import { isConnectionHeader } from '../../../http/connection-headers.js';

/** What the body is, what proves where it comes from, and what CloudEvents would read of the head. */
const TAKEN = /^(?:content-|webhook-|ce-)/;

/** Whether a tenant may not set a header: the sender sets it itself, or it belongs to the connection. */
export function isTakenHeader(name: string): boolean {
  return TAKEN.test(name.toLowerCase()) || isConnectionHeader(name);
}
