import { expect } from '@jest/globals';
import { CloudEvent, HTTP } from 'cloudevents';
import type { DomainEvent } from '../../../src/index.js';
import { aggregateOf } from '../../../src/relay/cloud-events/aggregate-subject.js';
import { type ReceivedMessage, readCloudEvent } from '../../../src/relay/cloud-events/read.js';

/** Ids that a broker or a URI could take apart. */
export const IDS = ['a/b', 'a:b', ' a b ', 'größe/日本', '100%', '?#&=+', "it's"];

/** What both readers must find: the library `cloudevents`, and the reader of sources. */
export function expectReadBack(
  event: Pick<DomainEvent, 'eventName' | 'aggregateId' | 'payload'>,
  headers: Record<string, string>,
  message: ReceivedMessage,
): void {
  const theirs = HTTP.toEvent<unknown>({ headers, body: Buffer.from(message.body ?? []).toString() });
  if (!(theirs instanceof CloudEvent)) throw new Error('the library reads several events');
  expect(theirs.validate()).toBe(true);
  expect({ type: theirs.type, data: theirs.data }).toEqual({ type: event.eventName, data: event.payload });
  const ours = readCloudEvent(message);
  if (ours.is !== 'event') throw new Error(`the reader says ${JSON.stringify(ours)}`);
  const { attributes, data } = ours.event;
  expect(aggregateOf(attributes.subject)).toEqual({ aggregateType: 'order', aggregateId: event.aggregateId });
  expect(aggregateOf(theirs.subject)).toEqual(aggregateOf(attributes.subject));
  expect(attributes).toMatchObject({ id: theirs.id, source: theirs.source, type: theirs.type });
  for (const name of ['partitionkey', 'sequence', 'eventversion', 'correlationid'])
    expect([name, attributes[name]]).toEqual([name, String(theirs[name])]);
  expect(data.is === 'json' ? data.value : data).toEqual(event.payload);
}
