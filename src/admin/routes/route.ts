import type { ChangeAuthor } from '../../audit/change-author.js';
import type { Fields, ValuesOf } from '../../rest/field.js';
import type { RestRoute } from '../../rest/route.js';
import type { Schema } from '../../rest/schema.js';
import type { AdminAction, AdminTarget } from '../options/admin-action.js';
import type { AdminHttpRequest } from '../options/admin-options.js';

/** One route. The OpenAPI document is made of it. */
export interface Route<
  P extends Fields = Fields,
  Q extends Fields = Fields,
  B extends Fields = Fields,
  A = unknown,
> extends RestRoute<P, Q, B, A> {
  readonly action: AdminAction;
  target(path: ValuesOf<P>): AdminTarget;
  /** Whether it answers with server-sent events. Its handler only checks the request, and sends no answer. */
  readonly isStream: boolean;
  /** Whether a POST only asks. Such a request has no Idempotency-Key. */
  readonly startsNothing: boolean;
  /** Whether a request may have the header If-Match. */
  readonly hasIfMatch: boolean;
  /**
   * Whether a long answer is sent compressed. It must hold nothing secret: who can bring a text of their own
   * into a compressed answer can guess the rest by its length.
   */
  readonly isCompressed: boolean;
  /**
   * What a row of its page is, where a client may ask for the rows that have changed. Its answer has `items`.
   */
  readonly changingRows: Schema<unknown> | undefined;
  /** Whether it may be answered with 202, while what it has begun goes on. */
  readonly mayGoOn: boolean;
}

/** A class whose methods answer the routes of their names. Nest injects its constructor. */
export interface Handlers {
  new (...args: never[]): object;
  readonly routes: Readonly<Record<string, Route>>;
}

/** What a handler is called with. All of it was checked. */
export interface Call<R extends Route> {
  readonly request: AdminHttpRequest;
  readonly path: ValuesOf<R['pathFields']>;
  readonly query: ValuesOf<R['query']>;
  readonly body: ValuesOf<R['body']>;
  /** The name of the person behind the request. */
  readonly actor: string;
  /** That person, the reason that the body gives, and the key of the request, for the audit. */
  readonly author: ChangeAuthor;
  /** Whether that person may do something else. */
  readonly may: (action: AdminAction, target: AdminTarget) => Promise<boolean>;
}

type Given<P extends Fields, Q extends Fields, B extends Fields, A> = Pick<
  Route<P, Q, B, A>,
  'method' | 'path' | 'action' | 'about' | 'answer'
> & {
  readonly pathFields?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly target?: (path: ValuesOf<P>) => AdminTarget;
  readonly isStream?: boolean;
  readonly startsNothing?: boolean;
  readonly hasIfMatch?: boolean;
  readonly isCompressed?: boolean;
  readonly changingRows?: Schema<unknown>;
  readonly mayGoOn?: boolean;
};

type None = Readonly<Record<never, never>>;

export function route<A, P extends Fields = None, Q extends Fields = None, B extends Fields = None>(
  given: Given<P, Q, B, A>,
): Route<P, Q, B, A> {
  return {
    ...given,
    pathFields: given.pathFields ?? ({} as P),
    query: given.query ?? ({} as Q),
    body: given.body ?? ({} as B),
    target: given.target ?? (() => ({})),
    isStream: given.isStream ?? false,
    startsNothing: given.startsNothing ?? false,
    hasIfMatch: given.hasIfMatch ?? false,
    isCompressed: given.isCompressed ?? false,
    changingRows: given.changingRows,
    mayGoOn: given.mayGoOn ?? false,
  };
}

/** Whether a route only reads, also if it takes a body. */
export function onlyReads({ action }: Pick<Route, 'action'>): boolean {
  return action.endsWith('.read');
}

/** Whether a request may have an Idempotency-Key. */
export function startsSomething({ method, startsNothing }: Route): boolean {
  return method === 'POST' && !startsNothing;
}
