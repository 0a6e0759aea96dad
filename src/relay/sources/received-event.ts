import { createHash } from 'node:crypto';
import type { DomainEventInput, EventMetadata } from '../../events/domain-event.js';
import { aggregateOf } from '../cloud-events/aggregate-subject.js';
import type { CloudEventAttributes } from '../cloud-events/cloud-event.js';
import type { ReadCloudEvent, ReceivedCloudEvent } from '../cloud-events/read.js';
import { viaOf } from '../cloud-events/via.js';
import type { SourceOptions } from './source-definition.js';
import type { SourceMessage } from './source-message.js';

/** The reason why a message is no event. It is said in words for people. */
export class NoEvent extends Error {
  override readonly name = 'NoEvent';
}

/** Who receives. */
export interface Receiver {
  readonly options: SourceOptions;
  /** The name of the application, which no message that it takes in has in its `via`. */
  readonly application: string | undefined;
}

/** A message, and the CloudEvent that it is. */
export interface ReadMessage {
  readonly message: SourceMessage;
  readonly read: ReadCloudEvent;
}

/**
 * The event that a message carries.
 *
 * @throws NoEvent if it carries none, and what `map` throws
 */
export async function eventOf({ message, read }: ReadMessage, receiver: Receiver): Promise<DomainEventInput> {
  const { name, map } = receiver.options;
  if (read.is === 'invalid') throw new NoEvent(read.problem);
  if (read.is === 'event') return fromCloudEvent(read.event, receiver);
  if (map === undefined)
    throw new NoEvent('the message is no CloudEvent, and the source has no map that makes an event of it');
  const mapped = await map(message);
  if (typeof mapped !== 'object' || mapped === null) throw new NoEvent('map returned no event');
  const { id, ...fields } = mapped;
  refuseCircle(viaOf(mapped.metadata?.via), receiver);
  const key = id === undefined ? keyOfPlace(name, message) : keyOf(name, 'mapped', id);
  return { sourceModule: name, ...fields, ...(key === undefined ? {} : { deduplicationKey: key }) };
}

function fromCloudEvent({ attributes, data }: ReceivedCloudEvent, receiver: Receiver): DomainEventInput {
  const { name } = receiver.options;
  const via = viaOf(attributes.via);
  refuseCircle(via, receiver);
  if (data.is === 'bytes') throw new NoEvent('the data is not JSON');
  const { id, source, type, subject, eventversion } = attributes;
  const aggregate = aggregateOf(subject) ?? { aggregateType: 'message', aggregateId: subject ?? id };
  return {
    eventName: type,
    sourceModule: name,
    ...aggregate,
    payload: data.is === 'json' ? data.value : null,
    metadata: metadataOf(attributes, via, data.is === 'none'),
    ...(/^[1-9]\d{0,8}$/.test(eventversion ?? '') ? { eventVersion: Number(eventversion) } : {}),
    deduplicationKey: keyOf(name, 'event', source, id),
  };
}

function metadataOf(
  { traceparent, tracestate, correlationid, causationid, tenantid, origin }: CloudEventAttributes,
  via: readonly string[],
  isTombstone: boolean,
): EventMetadata {
  const given = {
    traceparent,
    tracestate: traceparent === undefined ? undefined : tracestate,
    correlationId: correlationid,
    causationId: causationid,
    tenantId: tenantid,
    origin,
    via: via.length === 0 ? undefined : via,
    tombstone: isTombstone || undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** `origin` cannot tell a loop from an answer, because handlers inherit it. They do not inherit `via`. */
function refuseCircle(via: readonly string[], { application }: Receiver): void {
  if (application === undefined || !via.includes(application)) return;
  throw new NoEvent(
    `the message went round in a circle: this application (${application}) has relayed it before`,
  );
}

/** Ids are unique for a sender only, so the key is made of both. It has one length, whatever they are. */
export function keyOf(source: string, ...parts: readonly string[]): string {
  return `relay/${source}/${createHash('sha256').update(JSON.stringify(parts)).digest('hex')}`;
}

/** The key of a message without an id. Without a place it has none, and is stored as often as it comes. */
function keyOfPlace(source: string, { place }: SourceMessage): string | undefined {
  return place === undefined ? undefined : keyOf(source, 'place', place);
}
