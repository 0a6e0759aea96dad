import type { ChangeAuthor } from '../../../audit/change-author.js';
import type { HeldTo } from '../../../rest/answering.js';
import type { Fields, ValuesOf } from '../../../rest/field.js';
import type { RestRoute } from '../../../rest/route.js';
import type { TenantDestinations } from '../tenants/tenant-destinations.js';

/** What a handler is called with. All of it was checked. */
export interface PortalCall<R extends RestRoute> {
  readonly path: ValuesOf<R['pathFields']>;
  readonly query: ValuesOf<R['query']>;
  readonly body: ValuesOf<R['body']>;
  /** The destinations of the tenant behind the request, and of no other. */
  readonly destinations: TenantDestinations;
  /** The tenant, the person behind the request, and the reason that the body gives, for the audit. */
  readonly author: ChangeAuthor;
}

/** What the handlers of the portal implement: each method answers what the schema of its route says. */
export type PortalAnswering<Routes extends Readonly<Record<string, RestRoute>>, Handlers> = {
  [Name in keyof Routes]: (
    call: PortalCall<Routes[Name]>,
  ) => HeldTo<Routes[Name]['answer'], Name extends keyof Handlers ? Handlers[Name] : never>;
};

type Given<P extends Fields, Q extends Fields, B extends Fields, A> = Pick<
  RestRoute<P, Q, B, A>,
  'method' | 'path' | 'about' | 'answer'
> & { readonly pathFields?: P; readonly query?: Q; readonly body?: B };

type None = Readonly<Record<never, never>>;

export function portalRoute<A, P extends Fields = None, Q extends Fields = None, B extends Fields = None>(
  given: Given<P, Q, B, A>,
): RestRoute<P, Q, B, A> {
  return {
    ...given,
    pathFields: given.pathFields ?? ({} as P),
    query: given.query ?? ({} as Q),
    body: given.body ?? ({} as B),
  };
}
