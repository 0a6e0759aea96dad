/** What is known of an event that is sent. */
export interface SentEvent {
  /** The id of the event in the log. */
  readonly id: string;
  /** The type that receivers see. */
  readonly type: string;
  readonly at: Date;
  /** What the contract makes of the event, as the text of JSON in which it is kept. */
  readonly data: string;
}

export interface WebhookBody {
  readonly contentType: string;
  readonly text: string;
}

/** `standard`: the body of Standard Webhooks. `cloudevents`: CloudEvents 1.0, structured. */
export type DestinationFormat = 'standard' | 'cloudevents';

/** What CloudEvents calls the sender where the application has not said it. */
export const DEFAULT_SOURCE = 'urn:nestjs-integration';

/**
 * The body of a request. It is put around the text of `data`, which is never parsed: a number keeps all its
 * digits, and each attempt, of a later version too, sends the same bytes.
 *
 * @param source who sends, as CloudEvents asks for it: a URI, or the beginning of one
 */
export function webhookBody(format: DestinationFormat, event: SentEvent, source: string): WebhookBody {
  const [type, at] = [JSON.stringify(event.type), JSON.stringify(event.at)];
  switch (format) {
    // https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    case 'standard':
      return {
        contentType: 'application/json',
        text: `{"type":${type},"timestamp":${at},"data":${event.data}}`,
      };
    // https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
    case 'cloudevents':
      return {
        contentType: 'application/cloudevents+json; charset=utf-8',
        text:
          `{"specversion":"1.0","id":${JSON.stringify(event.id)},"source":${JSON.stringify(source)},"type":${type},` +
          `"time":${at},"datacontenttype":"application/json","data":${event.data}}`,
      };
  }
}
