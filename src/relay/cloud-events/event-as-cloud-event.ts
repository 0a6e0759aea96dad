import type { DomainEvent } from '../../events/domain-event.js';
import { subjectOf } from './aggregate-subject.js';
import { type CloudEvent, isAttributeText, SPEC_VERSION } from './cloud-event.js';
import { viaText } from './via.js';

/** The number of digits of a position, so that sequences are in the order of their texts. */
const SEQUENCE_DIGITS = 19;

/** Who sends. */
export interface Sender {
  /** The `source` of CloudEvents. */
  readonly source: string;
  /** The name of the application, which is added to `via`. */
  readonly application: string | undefined;
}

/** An event of the log as a CloudEvent. `json` is the text of its payload. */
export function cloudEventOf(
  event: Omit<DomainEvent, 'payload'>,
  json: string,
  { source, application }: Sender,
): CloudEvent {
  const { metadata } = event;
  const subject = subjectOf(event);
  return {
    attributes: {
      specversion: SPEC_VERSION,
      id: event.outboxEventId,
      source,
      type: event.eventName,
      subject,
      time: event.timestamp.toISOString(),
      datacontenttype: 'application/json',
      partitionkey: subject,
      sequence: String(event.position).padStart(SEQUENCE_DIGITS, '0'),
      eventversion: String(event.eventVersion),
      ...extensions({
        traceparent: metadata.traceparent,
        tracestate: metadata.tracestate,
        correlationid: metadata.correlationId,
        causationid: metadata.causationId,
        tenantid: metadata.tenantId,
        origin: metadata.origin,
        via: viaText(metadata.via, application),
      }),
    },
    data: { is: 'json', text: json },
  };
}

/** Those that CloudEvents allows. What the application keeps in another form stays at home. */
function extensions(given: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).filter((each): each is [string, string] => isAttributeText(each[1])),
  );
}
