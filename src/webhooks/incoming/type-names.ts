import type { WebhookSource } from './definitions/webhook-source.js';

/** The type in the name of an event whose own type is not taken. */
export const OTHER_TYPE = '_other';

/** How many types an endpoint of a tenant may bring, and a source whose sender the application has chosen. */
const MOST_OF_ENDPOINT = 100;
const MOST_OF_SOURCE = 1_000;
/** How many endpoints are kept in mind. */
const MOST_ENDPOINTS = 1_000;

/**
 * The types that were seen, by source and endpoint, in the order in which the endpoints were last heard of.
 */
type Seen = Map<string, { readonly types: Set<string>; isSaid: boolean }>;

/** A type beyond the limit. */
export interface TypeBeyond {
  readonly source: string;
  readonly endpointId: string | undefined;
  readonly most: number;
  readonly type: string;
}

/**
 * Decides which types become names of events. The sender chooses its types, and every name costs: it is a row
 * of statistics and a series of metrics, of which there is a bounded number for all. So a source may list its
 * types. Where it does not, a limit applies to each endpoint by itself, so that no tenant uses up what
 * another one needs. It is kept in memory, so a process that starts again counts again. A name that stands in
 * the code of a handler was not chosen by the sender, so it is always kept.
 */
export class TypeNames {
  private readonly seen: Seen = new Map();

  /**
   * @param isHandled whether a handler names this event
   * @param warn told of the first type beyond the limit of each endpoint or source
   */
  constructor(
    private readonly isHandled: (eventName: string) => boolean,
    private readonly warn: (beyond: TypeBeyond) => void,
  ) {}

  /** The type as it stands in the name of the event: itself, or `_other`. */
  of({ key, types, schemas = {} }: WebhookSource, endpointId: string | undefined, type: string): string {
    if (Object.hasOwn(schemas, type) || types?.includes(type) === true) return type;
    if (this.isHandled(`webhook.${key}.${type}`)) return type;
    if (types !== undefined) return OTHER_TYPE;
    const owner = `${key} ${endpointId ?? ''}`;
    const seen = this.seen.get(owner) ?? { types: new Set(), isSaid: false };
    this.seen.delete(owner);
    this.seen.set(owner, seen);
    this.forgetOldest();
    const most = endpointId === undefined ? MOST_OF_SOURCE : MOST_OF_ENDPOINT;
    if (seen.types.has(type)) return type;
    if (seen.types.size < most) {
      seen.types.add(type);
      return type;
    }
    if (!seen.isSaid) this.warn({ source: key, endpointId, most, type });
    seen.isSaid = true;
    return OTHER_TYPE;
  }

  private forgetOldest(): void {
    if (this.seen.size <= MOST_ENDPOINTS) return;
    for (const owner of this.seen.keys()) {
      this.seen.delete(owner);
      return;
    }
  }
}
