import type { CloudEvent } from './cloud-event.js';

export const STRUCTURED_TYPE = 'application/cloudevents+json';
/** What the names of headers with attributes begin with, at each broker. */
export const KAFKA_PREFIX = 'ce_';
export const AMQP_PREFIX = 'cloudEvents_';

/** These extensions are whole numbers in JSON. */
const NUMBERS: ReadonlySet<string> = new Set(['eventversion']);

/**
 * One text that has the attributes and the data. It is put around the text of the data, which is never
 * parsed.
 *
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 */
export function structuredText({ attributes, data }: CloudEvent): string {
  let text = '{';
  // The names are those of attributes, which have letters and digits only.
  for (const name in attributes) {
    const value = attributes[name] ?? '';
    const isNumber = NUMBERS.has(name) && /^\d{1,9}$/.test(value);
    text += `${text === '{' ? '' : ','}"${name}":${isNumber ? value : JSON.stringify(value)}`;
  }
  switch (data.is) {
    case 'json':
      return `${text},"data":${data.text}}`;
    case 'bytes':
      return `${text},"data_base64":${JSON.stringify(Buffer.from(data.bytes).toString('base64'))}}`;
    case 'none':
      return `${text}}`;
  }
}

/**
 * The attributes as headers, each with the prefix of the broker. The content type has its own place at each
 * broker, so it is not among them.
 */
export function binaryHeaders({ attributes }: CloudEvent, prefix: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (name !== 'datacontenttype' && value !== undefined) headers[prefix + name] = value;
  }
  return headers;
}

/** The data alone, as a broker takes it. Null if there is none. */
export function binaryBody({ data }: CloudEvent): Buffer | null {
  switch (data.is) {
    case 'json':
      return Buffer.from(data.text);
    case 'bytes':
      return Buffer.from(data.bytes);
    case 'none':
      return null;
  }
}
