// Compiled by the type check, never run: which answers of handlers the compiler accepts and refuses.

import type { Answering } from '../../src/admin/routes/answering.js';
import { route } from '../../src/admin/routes/route.js';
import { Answer } from '../../src/http/answer.js';
import {
  FLAG,
  INTEGER,
  type Infer,
  list,
  named,
  object,
  oneOf,
  optional,
  orNull,
  pageOf,
  TEXT,
  TIME,
} from '../../src/rest/schema.js';

const Parcel = named(
  'Parcel',
  object({
    id: INTEGER,
    to: object({ name: TEXT, street: orNull(TEXT) }),
    sentAt: TIME,
    weight: optional(INTEGER),
    tags: list(TEXT),
    state: oneOf(['packed', 'sent']),
  }),
);
const ParcelPage = named('ParcelPage', pageOf(Parcel, { isPartial: FLAG }));

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'parcels',
    action: 'events.read',
    about: 'The parcels.',
    answer: ParcelPage,
  }),
};
type Routes = typeof ROUTES;

/** What a service returns, as it would be written without a schema. */
interface ServiceParcel {
  id: number;
  to: { name: string; street: string | null };
  sentAt: Date;
  weight?: number | undefined;
  tags: string[];
  state: 'packed' | 'sent';
}
interface Page<T> {
  items: T[];
  next: string | null;
  isPartial: boolean;
}
declare function found<T>(): Promise<Page<T>>;

// biome-ignore lint/suspicious/noExplicitAny: it is what is refused
type Anything = any;

export const inferred: Infer<typeof Parcel> = {
  id: 1,
  to: { name: 'Ada', street: null },
  sentAt: new Date(),
  tags: ['fragile'],
  state: 'sent',
};

export class AsSaid implements Answering<Routes, AsSaid> {
  list = () => found<ServiceParcel>();
}

export class AsSaidByMethod implements Answering<Routes, AsSaidByMethod> {
  list() {
    return found<ServiceParcel>();
  }
}

export class AsSaidWithHeaders implements Answering<Routes, AsSaidWithHeaders> {
  async list() {
    return Answer.of(await found<ServiceParcel>(), { headers: { ETag: '"1"' } });
  }
}

export class AnyTextMayBeOneOfTwo implements Answering<Routes, AnyTextMayBeOneOfTwo> {
  list = () => found<ServiceParcel & { to: { name: 'Ada' | 'Grace' } }>();
}

export class WithAnotherColumn implements Answering<Routes, WithAnotherColumn> {
  // @ts-expect-error: the schema has no color
  list = () => found<ServiceParcel & { color: string }>();
}

export class WithAnotherOptionalColumn implements Answering<Routes, WithAnotherOptionalColumn> {
  // @ts-expect-error: nor an optional one
  list = () => found<ServiceParcel & { color?: string }>();
}

export class WithAnotherColumnDeeper implements Answering<Routes, WithAnotherColumnDeeper> {
  // @ts-expect-error: nor a town
  list = () => found<ServiceParcel & { to: { town: string } }>();
}

export class WithoutAColumn implements Answering<Routes, WithoutAColumn> {
  // @ts-expect-error: the schema has tags
  list = () => found<Omit<ServiceParcel, 'tags'>>();
}

export class OfAnotherType implements Answering<Routes, OfAnotherType> {
  // @ts-expect-error: the time is no text here
  list = () => found<Omit<ServiceParcel, 'sentAt'> & { sentAt: string }>();
}

export class NeverNull implements Answering<Routes, NeverNull> {
  // @ts-expect-error: a street that is never null is said to be null at times
  list = () => found<Omit<ServiceParcel, 'to'> & { to: { name: string; street: string } }>();
}

export class NullAtTimes implements Answering<Routes, NullAtTimes> {
  // @ts-expect-error: an id that may be null is said to be a number
  list = () => found<Omit<ServiceParcel, 'id'> & { id: number | null }>();
}

export class WithAnotherChoice implements Answering<Routes, WithAnotherChoice> {
  // @ts-expect-error: the schema does not have lost
  list = () => found<Omit<ServiceParcel, 'state'> & { state: 'packed' | 'sent' | 'lost' }>();
}

export class WithoutAChoice implements Answering<Routes, WithoutAChoice> {
  // @ts-expect-error: clients are promised packed, which there never is
  list = () => found<Omit<ServiceParcel, 'state'> & { state: 'sent' }>();
}

export class OfAny implements Answering<Routes, OfAny> {
  // @ts-expect-error: any says nothing
  list = () => found<Anything>();
}

export class WithHeadersAndAnotherColumn implements Answering<Routes, WithHeadersAndAnotherColumn> {
  // @ts-expect-error: what is answered with headers is held to the schema as well
  async list() {
    return Answer.of(await found<ServiceParcel & { color: string }>(), { headers: { ETag: '"1"' } });
  }
}

// @ts-expect-error: a route has a handler
export class WithoutHandler implements Answering<Routes, WithoutHandler> {}
