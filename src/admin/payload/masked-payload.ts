import { randomUUID } from 'node:crypto';
import { parseExactly, stringifyExactly } from '../../events/exact-number.js';
import type { AdminCallOptions, AdminHttpRequest, MaskedEvent } from '../options/admin-options.js';
import { asMaskFailure } from './mask-failure.js';

/** A payload as a JSON text, and the event that it belongs to, which may never have been published. */
export interface PayloadOfEvent {
  readonly event: MaskedEvent;
  readonly payload: string;
}

/**
 * The JSON text of a payload that may leave the process. Without `mask` it is the text of the database. The
 * mark is a secret of this call, so no payload can contain it. Nothing leaves if `mask` fails, and null does
 * if it returns nothing.
 *
 * @throws MaskFailure, or what `mask` throws to refuse
 */
export async function maskedPayload(
  { event, payload }: PayloadOfEvent,
  mask: AdminCallOptions['mask'],
  request: AdminHttpRequest,
): Promise<string> {
  if (mask === undefined) return payload;
  const mark = `${randomUUID()}:`;
  const { outboxEventId, position, eventName, eventVersion, sourceModule, aggregateType, aggregateId } =
    event;
  const about = {
    outboxEventId,
    position,
    eventName,
    eventVersion,
    sourceModule,
    aggregateType,
    aggregateId,
  };
  try {
    return stringifyExactly(await mask(parseExactly(payload, mark), about, request), mark);
  } catch (error) {
    throw asMaskFailure(outboxEventId, error);
  }
}
