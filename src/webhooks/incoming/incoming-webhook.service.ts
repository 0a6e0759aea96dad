import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { kindOfError } from '../../contracts/validate.js';
import type { Tx } from '../../database/clients/sql-client.js';
import { IntegrationError } from '../../errors.js';
import type { DomainEvent, DomainEventInput } from '../../events/domain-event.js';
import { siteOfError } from '../../subscribers/call-site.js';
import { EngineLogger } from '../../words/engine-logger.js';
import { webhookSettings } from '../options/webhook-settings.js';
import { WEBHOOKS_OPTIONS, type WebhooksModuleOptions } from '../options/webhooks-options.js';
import type { AcceptedWebhook, VerifiedWebhookRequest } from './accepted-webhook.js';
import { DatabaseClock } from './database-clock.js';
import { databaseTime } from './database-clock.store.js';
import { jsonOf, type RawWebhookRequest } from './definitions/raw-request.js';
import type { WebhookReply, WebhookSource } from './definitions/webhook-source.js';
import { IncomingEngine } from './incoming-engine.js';
import { LackedRight } from './lacked-right.js';
import { type Emit, type OnceDelivery, refuseBadDelivery } from './once-delivery.js';
import { bodyHashOfRequest } from './once-request.js';
import { judge, noJson, prepareSchemas, refuseInvalid, withViolations } from './payload-schema.js';
import type { Receipt } from './receipts/webhook-receipt.store.js';
import { endpointUnknown, type Receiver, receiverOf } from './receiver.js';
import {
  bodyRepeated,
  endpointPaused,
  nothingToGet,
  type RefusedStep,
  refusal,
  refusedStepOf,
  tooLarge,
} from './refusal.js';
import { type RefusedRequest, refusedRequest } from './refused-request.js';
import { RequestRecord } from './request-record.js';
import { RequestRecordStore } from './request-record.store.js';
import { sha256Hex } from './schemes/digest.js';
import { sayShort, sayUnusable } from './schemes/secret-shares.js';
import { answersOf, identityOf, type SourceAnswers, sentenceOf, violationsOf } from './source-answers.js';
import type { CountedOutcome } from './source-tally.js';
import { handshakeOf } from './sources/handshakes.js';
import { refuseLongTolerance, toleranceOf } from './tolerance.js';
import { TypeNames } from './type-names.js';
import { type Verified, verifyRequest } from './verifier.js';
import { bodyHashOf, deliveryOf, typeOf } from './webhook-event.js';

/** The context of lines of the log. Each part tells its own failures that repeat apart. */
const CONTEXT = 'IncomingWebhooks';

/** Takes in webhooks that others send. */
@Injectable()
export class IncomingWebhookService implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new EngineLogger(CONTEXT);
  private readonly sources: Map<string, WebhookSource>;
  private readonly clock = new DatabaseClock(
    () => databaseTime(this.engine.database),
    new EngineLogger(CONTEXT),
  );
  private readonly record = new RequestRecord(
    (tallies) => new RequestRecordStore(this.engine.database).write(tallies),
    new EngineLogger(CONTEXT),
  );
  private readonly types = new TypeNames(
    (eventName) => this.isHandled(eventName),
    ({ source, endpointId, most, type }) =>
      this.logger.warn(
        `${endpointId === undefined ? '' : `The endpoint ${endpointId} of `}source "${source}" has brought ${most} types of events. Its event of type ${JSON.stringify(type)}, and those of further types, are named "webhook.${source}._other", with the type in metadata.webhook.type. A type keeps its name if the option types of the source lists it, or if a handler of this process names the event.`,
      ),
  );
  private readonly lackedRight: LackedRight;

  constructor(
    private readonly engine: IncomingEngine,
    @Inject(WEBHOOKS_OPTIONS) options: WebhooksModuleOptions,
  ) {
    this.lackedRight = new LackedRight(engine);
    this.sources = new Map((options.incoming?.sources ?? []).map((source) => [source.key, source]));
  }

  /** Fails the boot of an application without an engine, and not its first webhook. */
  onModuleInit(): Promise<void> {
    return this.engine.boot(() => this.start());
  }

  private async start(): Promise<void> {
    void this.engine.joined;
    if ([...this.sources.values()].some(({ secrets }) => secrets === 'endpoint')) void this.engine.secrets;
    for (const source of this.sources.values()) await this.prepare(source);
  }

  private async prepare(source: WebhookSource): Promise<void> {
    refuseLongTolerance(source, this.settings);
    sayUnusable(source, this.logger);
    sayShort(source, this.logger);
    await prepareSchemas(source);
  }

  /** @internal Takes a source that another part brings at the boot. */
  async take(source: WebhookSource): Promise<void> {
    await this.prepare(source);
    this.sources.set(source.key, source);
  }

  /** Writes what is noted of requests while there are still connections. */
  async onModuleDestroy(): Promise<void> {
    await this.record.flush();
  }

  /**
   * Verifies a request and publishes its event `webhook.<source>.<type>`. It resolves when receipt and event
   * are committed, by one statement. A delivery that was accepted before publishes nothing.
   *
   * @throws IntegrationError INTEGRATION_WEBHOOK_SOURCE_UNKNOWN, INTEGRATION_WEBHOOK_TOO_LARGE,
   * INTEGRATION_WEBHOOK_HEADER, INTEGRATION_WEBHOOK_SIGNATURE, INTEGRATION_WEBHOOK_TIMESTAMP,
   * INTEGRATION_WEBHOOK_REPEATED; where the secrets are those of an endpoint
   * INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN, INTEGRATION_WEBHOOK_ENDPOINT_PAUSED,
   * INTEGRATION_SECRET_UNREADABLE; INTEGRATION_PRIVILEGES_MISSING if a role has lost a right; and what
   * publishing rejects with
   *
   * @param options.tenantId whose delivery it is. An endpoint knows its tenant by itself, and is unknown to
   * another one.
   */
  accept(
    source: string,
    request: RawWebhookRequest,
    { tenantId = '' }: { readonly tenantId?: string | undefined } = {},
  ): Promise<AcceptedWebhook> {
    const refused = (step: RefusedStep) =>
      this.refused(source, refusedRequest(step, this.find(source), request));
    return this.counted(source, refused, async (known) => {
      const receiver = await this.receiverOf(known, request, tenantId);
      const failed = (error: unknown) => this.sayUnanswered(source, error);
      const early = await handshakeOf(known, request, { verified: false }, failed);
      if (early !== undefined) return { status: 'handshake', reply: early };
      const verified = await this.verified(receiver, request);
      const { secrets } = receiver.source;
      const state = { verified: true, secret: secrets[verified.secret] };
      const late = await handshakeOf(known, request, state, failed);
      if (late !== undefined) return { status: 'handshake', reply: late };
      if (receiver.endpoint?.paused === true) throw endpointPaused(source);
      const receipt = await this.publish(receiver, request, verified, tenantId);
      if (receipt.status !== 'rejected') return receipt;
      throw bodyRepeated(source);
    });
  }

  /**
   * @internal Answers a GET, by which a sender only tries the address. It looks at no endpoint. So a GET
   * tells nobody which endpoints there are. A GET is no delivery, so a refused one is only counted.
   */
  async tried(key: string, request: RawWebhookRequest): Promise<WebhookReply> {
    const refused = (step: RefusedStep) => this.count(key, step);
    const accepted = await this.counted(key, refused, async (source) => {
      const reply = await handshakeOf(source, request, { verified: false }, (error) => {
        throw error;
      });
      if (reply === undefined) throw nothingToGet(key);
      return { status: 'handshake', reply };
    });
    return (accepted as Extract<AcceptedWebhook, { status: 'handshake' }>).reply;
  }

  /** Verifies a request and stores nothing. Rejects as `accept` does. */
  async verify(source: string, request: RawWebhookRequest): Promise<VerifiedWebhookRequest> {
    const known = this.source(source);
    const receiver = await this.receiverOf(known, request, '');
    const verified = await this.verified(receiver, request);
    const { secret, signedAt } = verified;
    const { endpoint } = receiver;
    if (endpoint?.paused === true) throw endpointPaused(source);
    return {
      source,
      ...(endpoint === undefined ? {} : { endpointId: endpoint.id, tenantId: endpoint.tenantId }),
      deliveryId: identityOf(known, request).deliveryId,
      type: typeOf(known, request),
      secret,
      signedAt,
      bodyHash: bodyHashOf(request, verified, endpoint),
      json: jsonOf(request),
      request,
    };
  }

  /**
   * Does something once for each delivery: the claim of its key, what `fn` writes through `tx`, and the
   * events that it emits are committed together, or none of them. An equal delivery at the same moment waits,
   * and is done only if the first one rolled back. `fn` may run again if the client repeats the transaction.
   *
   * ```ts
   * const { status } = await webhooks.once({ source: 'stripe', key: event.id, type: event.type }, async (tx,
   * emit) => {
   *   await tx.invoice.update(…);
   *   await emit({ eventName: 'invoice.paid', … });
   * });
   * ```
   *
   * With `repeatedBody: 'reject'` a body that came before under another key is refused. On a route with
   * `@VerifiedWebhook` the body is known; elsewhere give `bodyHash` of what `verify` returned.
   *
   * @throws IntegrationError INTEGRATION_EVENT_INVALID for a delivery without a source, key or type,
   * INTEGRATION_WEBHOOK_REPEATED
   */
  async once<R>(
    delivery: OnceDelivery,
    fn: (tx: Tx, emit: Emit) => Promise<R>,
  ): Promise<{ status: 'processed'; result: R } | { status: 'duplicate' }> {
    refuseBadDelivery(delivery);
    const { source, key, tenantId = '' } = delivery;
    const isRejecting = this.sources.get(source)?.repeatedBody === 'reject';
    const bodyHash = isRejecting ? (delivery.bodyHash ?? bodyHashOfRequest(source, key)) : undefined;
    return this.engine.transactions.run(async (tx) => {
      const client = this.engine.host.within(tx);
      const claim = { source, tenantId, keyHash: sha256Hex(key), bodyHash };
      const claimed = await this.engine.receipts.claim(client, claim);
      if (claimed === 'rejected') throw bodyRepeated(source);
      if (claimed === 'duplicate') return { status: 'duplicate' };
      const emit: Emit = (event) => {
        const metadata = { ...(tenantId === '' ? {} : { tenantId }), ...event.metadata };
        return this.engine.publisher.publishEvent({ ...event, metadata } as DomainEventInput, {
          persistenceClient: tx,
        });
      };
      return { status: 'processed', result: await fn(tx, emit) };
    });
  }

  /**
   * The body of a webhook as it was sent, for events whose `metadata.webhook.bytesKept` is true. Undefined
   * for others, whose payload is the body.
   */
  async bodyOf(
    event: Pick<DomainEvent, 'outboxEventId'>,
  ): Promise<{ contentType: string | undefined; bytes: Buffer } | undefined> {
    const body = await this.engine.receipts.bodyOf(event.outboxEventId);
    return body === undefined ? undefined : { contentType: body.contentType ?? undefined, bytes: body.bytes };
  }

  /** @throws IntegrationError INTEGRATION_WEBHOOK_SOURCE_UNKNOWN */
  source(key: string): WebhookSource {
    const source = this.sources.get(key);
    if (source === undefined) throw refusal('source', key, 'There is no webhook source of this name');
    return source;
  }

  /** @internal The names of all sources. */
  get keys(): string[] {
    return [...this.sources.keys()];
  }

  /** @internal The source of this name, if there is one. */
  find(key: string): WebhookSource | undefined {
    return this.sources.get(key);
  }

  /** @internal */
  maxBodyBytesOf(source: WebhookSource): number {
    return source.maxBodyBytes ?? this.settings.maxBodyBytes;
  }

  /** @internal Counts a request that came to its end before `accept`. */
  count(source: string, outcome: CountedOutcome): void {
    this.record.add(this.sources.has(source) ? source : '', outcome);
  }

  /** @internal Counts a delivery that was refused, and keeps what people look for. */
  refused(source: string, request: RefusedRequest): void {
    this.record.refuse(this.sources.has(source) ? source : '', request);
  }

  private get settings() {
    return this.engine.settings.snapshotOf(webhookSettings);
  }

  /** Whether a handler of this process names the event, and not a pattern. */
  private isHandled(eventName: string): boolean {
    return this.engine.subscribers.consumers().some(({ eventNames }) => eventNames.includes(eventName));
  }

  private async counted(
    key: string,
    refused: (step: RefusedStep) => void,
    accept: (source: WebhookSource) => Promise<AcceptedWebhook>,
  ): Promise<AcceptedWebhook> {
    try {
      const accepted = await accept(this.source(key));
      this.count(key, accepted.status);
      return accepted;
    } catch (error) {
      const step = refusedStepOf(error);
      if (step === undefined) this.count(key, 'failed');
      else refused(step);
      throw await this.lackedRight.named(error);
    }
  }

  private sayUnanswered(source: string, error: unknown): void {
    const site = siteOfError(error);
    const place = site === undefined ? '' : ` (at ${site})`;
    this.logger.warnOfFailure(
      `handshake of source "${source}" throws ${kindOfError(error)}${place}. The request is taken as a delivery.`,
    );
  }

  private sayFailed(source: string, { failures }: SourceAnswers): void {
    for (const each of failures) {
      const { name, reason } = each;
      this.logger.warnOfFailure(sentenceOf(source, each), `${source} ${name} ${reason}`);
    }
  }

  private invalid(source: string, eventName: string, { failures }: SourceAnswers): void {
    this.count(source, 'invalid');
    if (failures.length > 0) return;
    this.logger.warnOfFailure(
      `A delivery of source "${source}" does not fit the schema of its type. It is stored as "${eventName}" with the places in metadata.webhook.violations.`,
    );
  }

  private async receiverOf(
    source: WebhookSource,
    request: RawWebhookRequest,
    tenantId: string,
  ): Promise<Receiver> {
    const { engine } = this;
    const receiver = await receiverOf(
      source,
      request,
      () => engine.endpointReader,
      () => engine.secrets,
    ).catch(async (error: unknown) => {
      throw await this.lackedRight.named(error);
    });
    const isAnothers =
      tenantId !== '' && receiver.endpoint !== undefined && receiver.endpoint.tenantId !== tenantId;
    if (isAnothers) throw endpointUnknown(source.key);
    return receiver;
  }

  /**
   * A secret that cannot be opened may be the one that fits, so the signature is not said to be wrong then.
   */
  private async verified({ source, endpoint }: Receiver, request: RawWebhookRequest): Promise<Verified> {
    const limit = this.maxBodyBytesOf(source);
    if (request.body.length > limit) throw tooLarge(source.key, limit);
    try {
      const toleranceMs = toleranceOf(source, this.settings);
      return await verifyRequest({ ...source, toleranceMs }, request, toleranceMs, this.clock);
    } catch (error) {
      const unreadable = refusedStepOf(error) === 'signature' ? endpoint?.unreadable : undefined;
      throw unreadable ?? error;
    }
  }

  private async publish(
    { source, endpoint }: Receiver,
    request: RawWebhookRequest,
    verified: Verified,
    tenantId: string,
  ): Promise<Receipt> {
    const context =
      endpoint === undefined
        ? { verified, tenantId, endpointId: request.endpointId }
        : { verified, tenantId: endpoint.tenantId, endpointId: endpoint.id, endpoint };
    const answers = answersOf(source, request);
    this.sayFailed(source.key, answers);
    const sent = typeOf(source, request, answers.type);
    const isTyped = answers.failures.every(({ name }) => name !== 'type');
    const type = isTyped ? this.types.of(source, endpoint?.id, sent) : sent;
    const judgement = await judge(source, sent, request);
    const publish = (asBytes: boolean) => {
      // What jsonb cannot hold does not fit a schema either.
      const ofBody = asBytes && judgement !== undefined ? noJson('cannot be stored as JSON') : judgement;
      const judged = withViolations(ofBody, violationsOf(answers));
      if (source.invalid === 'reject') refuseInvalid(source.key, judged);
      const about = { ...context, judgement: judged, type, answers };
      const delivery = deliveryOf(source, request, about, asBytes);
      return this.engine.joined.publish<Receipt>(delivery.event, {
        // jsonb writes a space after each comma and colon, which the sender may not have done.
        maxPayloadBytes: 2 * this.maxBodyBytesOf(source) + 1_024,
        write: async (client, entry) => {
          const result = await this.engine.receipts.accept(client, delivery, entry);
          if (result.status === 'accepted' && judged !== undefined && 'violations' in judged)
            this.invalid(source.key, entry.eventName, answers);
          return { position: result.status === 'accepted' ? result.position : undefined, result };
        },
      });
    };
    try {
      return await publish(false);
    } catch (error) {
      if (isOfPayload(error)) return publish(true);
      throw error;
    }
  }
}

/** The JSON of the body is nothing that jsonb can hold. Nothing was sent to the database. */
function isOfPayload(error: unknown): boolean {
  return (
    error instanceof IntegrationError &&
    (error.code === 'INTEGRATION_PAYLOAD_INVALID' || error.code === 'INTEGRATION_PAYLOAD_TOO_LARGE')
  );
}
