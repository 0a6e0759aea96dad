import { choice, count, list, optional, text } from '../../../rest/field.js';
import { DESTINATION_ORDERS, DESTINATION_SIGNINGS } from './destination.js';

const TYPE = text('A type of events, a prefix such as invoice.*, or *.', 255);

export const eventTypes = (about: string) => list(about, 'types', 100, TYPE);
export const URL_FIELD = text('Where its events are sent: an https URL.', 2_047);
export const SIGNING = optional(choice('How deliveries are signed, v1 by default.', DESTINATION_SIGNINGS));
export const SECRET = optional(
  text('The secret of v1, as Standard Webhooks writes it, with 24 to 64 bytes.', 255),
);

export const ORDER = optional(
  choice('What is delivered in order: none, entity or strict.', DESTINATION_ORDERS),
);
export const RATE = count('The largest number of deliveries a second.', 1, 10_000);
export const MAX_IN_FLIGHT = count('The largest number of requests at the same time.', 1, 1_000);
export const TIMEOUT = count('For how many milliseconds an answer is waited for.', 100, 300_000);

export const TEST_TYPE = optional(
  text('The type of a public event: by default the first that it asks for.', 255),
);
