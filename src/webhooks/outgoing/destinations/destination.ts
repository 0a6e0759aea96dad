import type { ChangeAuthor } from '../../../audit/change-author.js';
import type { SecretView } from '../../../secrets/secret.service.js';
import type { DestinationSigning } from '../sending/signing-secrets.js';
import type { DestinationFormat } from '../sending/webhook-body.js';

export const DESTINATION_STATUSES = ['active', 'paused', 'disabled'] as const;

/**
 * `paused`: somebody holds it. `disabled`: it answered 410, or has failed for too long. Neither is sent
 * anything. What is published meanwhile is delivered after `resume` or `enable`, as long as the log has it.
 */
export type DestinationStatus = (typeof DESTINATION_STATUSES)[number];

export const DESTINATION_ORDERS = ['none', 'entity', 'strict'] as const;

/**
 * What is delivered in order. `entity`: each delivery waits for those of its aggregate before it, until they
 * are delivered or dead. `strict`: each delivery waits for all before it. `none`: nothing waits.
 */
export type DestinationOrder = (typeof DESTINATION_ORDERS)[number];

export const DESTINATION_FORMATS: readonly DestinationFormat[] = ['standard', 'cloudevents'];
export const DESTINATION_SIGNINGS: readonly DestinationSigning[] = ['v1', 'v1a'];
export type { DestinationFormat, DestinationSigning };

/** Where a tenant gets its events. */
export interface WebhookDestination {
  readonly id: string;
  readonly tenantId: string;
  readonly url: string;
  /** Types of events, prefixes such as `invoice.*`, or `*`. */
  readonly eventTypes: readonly string[];
  /** Only events whose body contains this are sent. Null for all. */
  readonly filter: object | null;
  readonly format: DestinationFormat;
  readonly signing: DestinationSigning;
  readonly order: DestinationOrder;
  /** Null for no limit. */
  readonly ratePerSecond: number | null;
  /** Null for the setting `webhooks.outgoing.maxInFlightPerDestination`. */
  readonly maxInFlight: number | null;
  /** Milliseconds. Null for the setting `webhooks.outgoing.timeoutMs`. */
  readonly timeoutMs: number | null;
  /** The names of the headers that are sent with each request. Their values are sealed. */
  readonly headers: readonly string[];
  readonly status: DestinationStatus;
  /** Why it is paused or disabled. */
  readonly reason: string | null;
  /**
   * The position in the log from which on deliveries are missing. It is caught up with while the destination
   * is active. Null if nothing is missing.
   */
  readonly behindFrom: number | null;
  readonly metadata: object;
  readonly createdAt: Date;
}

export interface WebhookDestinationDetails extends WebhookDestination {
  /** The secrets and headers that are valid now. */
  readonly secrets: readonly SecretView[];
}

/** What a change of the secret resolves to. */
export interface DestinationWithSecret {
  readonly destination: WebhookDestinationDetails;
  /** The new secret, for the receiver. It is shown this once. Null if the caller gave it, and of `v1a`. */
  readonly secret: string | null;
  /** The key with which receivers verify `v1a`. Null of `v1`. */
  readonly publicKey: string | null;
}

/** What `create` takes, and `update` changes. */
interface DestinationFields {
  /** https, to an address that can be reached from everywhere. At most 2,047 characters. */
  readonly url: string;
  /** From 1 to 100 types of public events, prefixes such as `invoice.*`, or `*`. */
  readonly eventTypes: readonly string[];
  /** Sends only events whose body contains this, as Postgres' `@>` compares. */
  readonly filter?: object | null | undefined;
  /** The default is `standard`. */
  readonly format?: DestinationFormat | undefined;
  /** Headers that are sent with each request. Their values are kept sealed. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The default is `none`. */
  readonly order?: DestinationOrder | undefined;
  /** Deliveries a second, from 0.01 to 10,000. Null, the default, for no limit. */
  readonly ratePerSecond?: number | null | undefined;
  /** From 1 to 1,000. */
  readonly maxInFlight?: number | null | undefined;
  /** From 100 to 300,000 milliseconds. */
  readonly timeoutMs?: number | null | undefined;
  /** What the application notes of it: at most 16 KiB of JSON. */
  readonly metadata?: object | undefined;
}

export interface CreateDestination extends ChangeAuthor, DestinationFields {
  /**
   * From which event on it gets events. The default is `now`. A Date is the first event that was written at
   * that time or later, as far as the log has it.
   */
  readonly startFrom?: 'now' | Date | undefined;
  /** The default is `v1`. */
  readonly signing?: DestinationSigning | undefined;
  /** The secret that the receiver has already. Without it one is made. */
  readonly secret?: string | undefined;
}

/** What is left out stays as it is. `headers` takes the place of all headers. */
export type UpdateDestination = ChangeAuthor & {
  readonly [K in keyof DestinationFields]?: DestinationFields[K] | undefined;
};

export interface RotateDestinationSecret extends ChangeAuthor {
  readonly secret?: string | undefined;
  /**
   * For how long deliveries are signed with the secrets before it as well, in milliseconds. Default: the
   * setting `core.integration.webhooks.secretOverlapHours`.
   */
  readonly overlapMs?: number | undefined;
}

export interface TestDestination extends ChangeAuthor {
  /** The type of the test: one of a public event. Default: the first that the destination asks for. */
  readonly type?: string | undefined;
}

export interface DestinationFilter {
  readonly status?: DestinationStatus | undefined;
}

export interface DestinationPageRequest {
  /** Number of destinations: 50 by default, at most 1,000. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

export interface DestinationPage {
  /** In the order in which they were created. */
  readonly destinations: WebhookDestination[];
  /** Give it as `after` for the next page. Null on the last page. */
  readonly next: string | null;
}

/** A type of events that destinations may ask for. */
export interface WebhookEventType {
  readonly type: string;
  readonly description: string | null;
  /** The JSON Schema of the body. Null if the contract has `webhook.data`, or its library knows none. */
  readonly schema: Readonly<Record<string, unknown>> | null;
  /** Payloads as they are published. Empty if the contract has `webhook.data`. */
  readonly examples: readonly unknown[];
  readonly deprecated: boolean;
}
