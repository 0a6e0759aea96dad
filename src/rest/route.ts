import { count, type Field, type Fields, optional, text } from './field.js';
import type { Schema } from './schema.js';

/** What every route of a REST API has: where it is, what it does, what it takes, what it answers. */
export interface RestRoute<
  P extends Fields = Fields,
  Q extends Fields = Fields,
  B extends Fields = Fields,
  A = unknown,
> {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** The path below the mount path: `consumers/:name`. */
  readonly path: string;
  /** What it does, for the OpenAPI document. */
  readonly about: string;
  readonly pathFields: P;
  readonly query: Q;
  /** The fields of the body of a write. Routes that only read have none. */
  readonly body: B;
  /** What it answers. `Answering` holds the handler to it. */
  readonly answer: Schema<A>;
}

/** Whether a request has a body. */
export function isWrite({ method }: Pick<RestRoute, 'method'>): boolean {
  return method !== 'GET';
}

/** The default number of items of a page, and the largest one. */
export const PAGE_SIZE = 50;
export const LARGEST_PAGE = 1_000;

export const limit: Field<number | undefined> = optional(
  count(`Number of items, ${PAGE_SIZE} by default.`, 1, LARGEST_PAGE),
);

/** Why something is done. It is kept with the change. */
export const reason: Field<string | undefined> = optional(text('Why it is done.', 1_000));
