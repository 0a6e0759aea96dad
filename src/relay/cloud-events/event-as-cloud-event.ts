import type { DomainEvent } from '../../events/domain-event.js';
import { type CloudEvent, type CloudEventAttributes, isAttributeText, SPEC_VERSION } from './cloud-event.js';
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

/** An event of the log as a CloudEvent. `subject` is its aggregate, and `json` the text of its payload. */
export function cloudEventOf(
  event: Omit<DomainEvent, 'payload'>,
  subject: string,
  json: string,
  { source, application }: Sender,
): CloudEvent {
  const { metadata } = event;
  const attributes: Record<string, string> & CloudEventAttributes = {
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
  };
  // What the application keeps in a form that CloudEvents does not allow stays at home.
  const add = (name: string, value: unknown) => {
    if (isAttributeText(value)) attributes[name] = value;
  };
  add('traceparent', metadata.traceparent);
  add('tracestate', metadata.tracestate);
  add('correlationid', metadata.correlationId);
  add('causationid', metadata.causationId);
  add('tenantid', metadata.tenantId);
  add('origin', metadata.origin);
  add('via', viaText(metadata.via, application));
  return { attributes, data: { is: 'json', text: json } };
}
