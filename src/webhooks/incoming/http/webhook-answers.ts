import { Inject, Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { isConnectionLoss, sqlStateOf } from '../../../database/connection/connection-loss.js';
import { RepeatedFailures } from '../../../database/repeated-failures.js';
import { IntegrationError, type IntegrationErrorCode } from '../../../errors.js';
import { WEBHOOKS_OPTIONS, type WebhooksModuleOptions } from '../../webhooks-options.js';
import { IncomingWebhookService } from '../incoming-webhook.service.js';
import { nothingHere, nothingToGet, rawBodyMissing, toldOf } from '../refusal.js';
import { KeysUnavailable } from '../schemes/jwks-keys.js';
import type { WebhookReply } from '../webhook-source.js';
import { bytesOf, rawRequestOf, type ServerRequest } from './server-request.js';
import { PASSING_RETRY_SECONDS, PAUSED_RETRY_SECONDS, STATUSES } from './statuses.js';

/** SQLSTATEs of a server that stops, refuses connections, or took too long. */
const PASSING_STATES = /^(08|53|57|55P03|40)/;
const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * Answers the requests of senders. It writes the answer itself, so that nothing of the application changes
 * it.
 */
@Injectable()
export class WebhookAnswers {
  private readonly logger = new Logger('IncomingWebhooks');
  private readonly repeated = new RepeatedFailures();

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly webhooks: IncomingWebhookService,
    @Inject(WEBHOOKS_OPTIONS) private readonly options: WebhooksModuleOptions,
  ) {}

  async answer(request: ServerRequest, response: unknown): Promise<void> {
    const { source = '', endpointId } = request.params as { source?: string; endpointId?: string };
    try {
      this.send(response, await this.replyTo(request, source, endpointId));
    } catch (error) {
      this.refuse(error, response);
    }
  }

  /** Answers with what went wrong. An error that nobody expected says nothing of itself, and is logged. */
  refuse(error: unknown, response: unknown): void {
    const told = toldOf(error);
    if (told !== undefined) {
      const { step, code, message } = told;
      if (step === 'raw-body') this.repeated.error(this.logger, message, undefined, step);
      if (step === 'paused') this.adapter.setHeader(response, 'Retry-After', PAUSED_RETRY_SECONDS);
      this.send(response, json(STATUSES[step], { code, step, message }));
      return;
    }
    if (error instanceof IntegrationError && error.code === 'INTEGRATION_CONTRACT_VIOLATION') {
      const { eventName } = error.details;
      this.repeated.error(this.logger, error.message, undefined, `${error.code} ${eventName}`);
      this.send(
        response,
        json(422, { code: error.code, message: 'The delivery does not keep its contract' }),
      );
      return;
    }
    if (isPassing(error)) {
      const { adapter } = this;
      adapter.setHeader(response, 'Retry-After', PASSING_RETRY_SECONDS);
      const line = `A webhook was not accepted: ${(error as Error).message}`;
      if (isOfOperators(error)) this.repeated.error(this.logger, line, undefined, line);
      else this.repeated.warn(this.logger, line);
      this.send(
        response,
        json(503, { message: 'The delivery cannot be stored at the moment. Send it again' }),
      );
      return;
    }
    const line = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.repeated.error(this.logger, line, undefined, line);
    this.send(response, json(500, { message: 'The delivery was not stored. Send it again' }));
  }

  private async replyTo(
    request: ServerRequest,
    key: string,
    endpointId: string | undefined,
  ): Promise<WebhookReply> {
    const source = this.webhooks.find(key);
    // A delivery is a POST. A GET only tries the address, and platforms give a HEAD to the route of a GET.
    const isDelivery = request.method.toUpperCase() === 'POST';
    if (source === undefined || (source.secrets === 'endpoint') !== (endpointId !== undefined)) {
      this.webhooks.count(key, 'source');
      throw isDelivery ? nothingHere(key) : nothingToGet(key);
    }
    const body = bytesOf(request);
    if (body === undefined) {
      this.webhooks.count(key, 'raw-body');
      throw rawBodyMissing(key);
    }
    const raw = rawRequestOf(request, body, { publicUrl: this.options.publicUrl, endpointId });
    if (!isDelivery) return this.webhooks.tried(key, raw);
    const accepted = await this.webhooks.accept(key, raw);
    if (accepted.status === 'handshake') return accepted.reply;
    // How many events there are is no business of the sender's.
    const { status, outboxEventId } = accepted;
    return source.reply ?? json(200, { status, outboxEventId });
  }

  private send(response: unknown, { status = 200, contentType, body = '' }: WebhookReply): void {
    const { adapter } = this;
    adapter.setHeader(response, 'Content-Type', contentType ?? 'text/plain; charset=utf-8');
    adapter.setHeader(response, 'X-Content-Type-Options', 'nosniff');
    adapter.setHeader(response, 'Cache-Control', 'no-store');
    adapter.reply(response, body, status);
  }

  private get adapter() {
    return this.host.httpAdapter;
  }
}

function json(status: number, value: object): WebhookReply {
  return { status, contentType: JSON_TYPE, body: JSON.stringify(value) };
}

/**
 * Only somebody who operates the application can mend it: the secrets of an endpoint cannot be opened, or a
 * role lacks a right. The sender is not to blame, and is asked to repeat.
 */
const CODES_OF_OPERATORS: readonly IntegrationErrorCode[] = [
  'INTEGRATION_SECRET_UNREADABLE',
  'INTEGRATION_KEY_MISSING',
  'INTEGRATION_PRIVILEGES_MISSING',
];

function isOfOperators(error: unknown): boolean {
  return error instanceof IntegrationError && CODES_OF_OPERATORS.includes(error.code);
}

/** Whether the same request may be accepted later. */
function isPassing(error: unknown): boolean {
  if (error instanceof IntegrationError) {
    const { code } = error;
    return (
      code.startsWith('INTEGRATION_DATABASE_') ||
      code === 'INTEGRATION_CLOSED' ||
      code === 'INTEGRATION_OUTBOX_DISABLED' ||
      isOfOperators(error)
    );
  }
  if (error instanceof KeysUnavailable) return true;
  const state = sqlStateOf(error);
  return isConnectionLoss(error) || (state !== undefined && PASSING_STATES.test(state));
}
