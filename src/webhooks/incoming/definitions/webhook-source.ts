import type { EventSchema } from '../../../contracts/schemas/event-schema.js';
import type { RawWebhookRequest } from './raw-request.js';
import type { SchemeWithSecrets, SignatureScheme } from './signature-scheme.js';

/** What the sender is answered. */
export interface WebhookReply {
  /** Default: 200. */
  readonly status?: number | undefined;
  /** Default: `text/plain; charset=utf-8`. */
  readonly contentType?: string | undefined;
  readonly body?: string | undefined;
}

/** What is known of the sender of a handshake. */
export interface HandshakeState {
  readonly verified: boolean;
  /** The secret that matched. Undefined before the request is verified. */
  readonly secret?: string | undefined;
}

export interface WebhookSourceOptions {
  /**
   * The name of the source: in the path, in the names of its events and in the commands. Small letters,
   * digits, `-` and `_`, at most 63 characters.
   */
  readonly key: string;
  /**
   * The secrets that are good at the moment. During a rotation these are two, the new one first. The word
   * `endpoint` stands for secrets in the database: each tenant has endpoints of its own with secrets of their
   * own (`IncomingEndpointsService`), and the sender calls `/webhooks/<key>/<id of the endpoint>`.
   */
  readonly secrets: string | readonly string[];
  /**
   * Whether the sender makes its secrets itself, as Stripe does. Then none is made for an endpoint, and
   * the person who creates it gives the one that the sender shows. Default: false.
   */
  readonly issuesSecrets?: boolean | undefined;
  /**
   * How a request is verified. Of several schemes one has to fit. A secret belongs to one kind of schemes: a
   * public key to the scheme that can read it, any other text to the only kind that takes it. Where that is
   * not clear, say to which scheme the secrets belong: `{ scheme, secrets }`.
   */
  readonly verify: SignatureScheme | SchemeWithSecrets | readonly (SignatureScheme | SchemeWithSecrets)[];
  /**
   * What the source calls the delivery. The same id is accepted once. `undefined`: the body itself is what is
   * accepted once. `null`, or the word `none` for all requests: each request is a delivery of its own. That
   * is for senders without ids whose equal bodies mean different changes ("look at the folder again"). What
   * they repeat is then an event again, so its handler must be idempotent. It is also asked for a request
   * that was refused, so that people who look for it find it. It may fail then.
   */
  readonly deliveryId: 'none' | ((request: RawWebhookRequest) => string | undefined | null);
  /** The last part of the event's name, `webhook.<key>.<type>`. */
  type(request: RawWebhookRequest): string;
  /**
   * The types that this source may bring. An event of another type is named `webhook.<key>._other`, and its
   * type stands in `metadata.webhook.type`. The types of `schemas` are among them, and those whose events a
   * handler of this process names. Default: any type, up to 100 for each endpoint of a tenant and 1,000 for
   * another source, counted in each process.
   */
  readonly types?: readonly string[] | undefined;
  /** What the event is about. Events of one aggregate are handled in the order in which they came. */
  aggregate?: ((request: RawWebhookRequest) => { readonly type: string; readonly id: string }) | undefined;
  /** When it happened, as the source says. It stands in the event's `metadata.webhook.occurredAt`. */
  occurredAt?: ((request: RawWebhookRequest) => Date | undefined) | undefined;
  /**
   * Answers a request by which the source only tries the address. It is asked twice: before the request is
   * verified, and after it. What uses a secret may be said to a verified sender only. Only an object is an
   * answer. Anything else, and an error, means that the request is a delivery.
   */
  handshake?:
    | ((
        request: RawWebhookRequest,
        state: HandshakeState,
      ) => WebhookReply | undefined | Promise<WebhookReply | undefined>)
    | undefined;
  /** What the sender is answered when its delivery is committed. Default: 200 with a short JSON object. */
  readonly reply?: WebhookReply | undefined;
  /** The largest body in bytes. Default: the setting `core.integration.webhooks.maxBodyBytes`. */
  readonly maxBodyBytes?: number | undefined;
  /** How far a signed time may be from now. Default: the setting `core.integration.webhooks.toleranceMs`. */
  readonly toleranceMs?: number | undefined;
  /**
   * Paths of fields of a JSON body, such as `customer.email`, whose values are not stored. In a list the path
   * goes through each element. A schema does not bring them back. A body that is no JSON is stored as it is.
   * The hash that finds a repeated body is that of the whole body.
   */
  readonly redact?: readonly string[] | undefined;
  /**
   * What becomes of a body that came before under another id. `mark`: its event has
   * `metadata.webhook.repeatedBody`. `reject`: it is refused with 409. Without it, such a body is marked if
   * the scheme signs no time.
   */
  readonly repeatedBody?: 'mark' | 'reject' | undefined;
  /**
   * What the JSON body of a type has to be, by the type: anything that has Standard Schema. The payload is
   * the output of the schema. A type without a schema is taken as it is.
   */
  readonly schemas?: Readonly<Record<string, EventSchema>> | undefined;
  /**
   * What becomes of a genuine body that does not fit its schema. `mark` (the default): it is stored as it
   * came, as the event `webhook.<key>.invalid.<type>` with `metadata.webhook.violations`, and the sender gets
   * a 2xx. `reject`: it is refused with 422 and is lost when the sender gives up.
   */
  readonly invalid?: 'mark' | 'reject' | undefined;
}

/** A source whose options were checked. */
export interface WebhookSource extends Omit<WebhookSourceOptions, 'secrets' | 'verify' | 'deliveryId'> {
  readonly deliveryId: (request: RawWebhookRequest) => string | undefined | null;
  readonly secrets: readonly string[] | 'endpoint';
  readonly verify: readonly SignatureScheme[];
}

/** What the ready sources leave to the application. */
export type CommonSourceOptions = Partial<
  Pick<
    WebhookSourceOptions,
    | 'key'
    | 'types'
    | 'aggregate'
    | 'occurredAt'
    | 'handshake'
    | 'issuesSecrets'
    | 'reply'
    | 'maxBodyBytes'
    | 'toleranceMs'
    | 'redact'
    | 'repeatedBody'
    | 'schemas'
    | 'invalid'
  >
>;

export type SourceSecrets = Pick<WebhookSourceOptions, 'secrets'>;
