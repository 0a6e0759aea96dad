/** The version of CloudEvents that is written and read. */
export const SPEC_VERSION = '1.0';

/** What CloudEvents calls the sender where the application has not said it. */
export const DEFAULT_SOURCE = 'urn:nestjs-integration';

/**
 * The attributes of a CloudEvent by their names, each in its text form. Besides the attributes of the
 * specification there are extensions, whose names have lower-case letters and digits only.
 *
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 */
export interface CloudEventAttributes {
  readonly specversion: string;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly time?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly [extension: string]: string | undefined;
}

/**
 * What a CloudEvent carries: JSON as its text, which keeps every digit of a number, other bytes, or nothing.
 */
export type CloudEventData =
  | { readonly is: 'json'; readonly text: string }
  | { readonly is: 'bytes'; readonly bytes: Uint8Array }
  | { readonly is: 'none' };

export interface CloudEvent {
  readonly attributes: CloudEventAttributes;
  readonly data: CloudEventData;
}

/**
 * Whether CloudEvents allows the text as the value of an attribute: no control characters, no characters
 * that Unicode leaves out for good, no half characters, and not empty.
 */
export function isAttributeText(value: unknown): value is string {
  if (typeof value !== 'string' || value === '') return false;
  // Most are plain ASCII, which is found sooner.
  return (
    /^[ -~]*$/.test(value) || (value.isWellFormed() && !/[\p{Cc}\p{Noncharacter_Code_Point}]/u.test(value))
  );
}
