import { messageOf } from '../errors.js';
import { serializePayload } from '../events/json-payload.js';

/** Far above what an event may have. The event of a schedule is checked when it is published. */
const LIMITS = { maxPayloadBytes: 8 * 1024 * 1024 };

/** The payload of a schedule as JSON text, or what is wrong with it. */
export function jsonCopy(payload: unknown): { readonly json: string; readonly problem?: string } {
  if (payload === undefined) return { json: 'null' };
  try {
    return { json: serializePayload(payload, LIMITS, 'payload').json };
  } catch (error) {
    return { json: 'null', problem: messageOf(error) };
  }
}
