import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { isConnectionLoss, sqlStateOf } from '../../../database/connection/connection-loss.js';
import { stackWithCauses } from '../../../delivery/partition/error-causes.js';
import { IntegrationError, type IntegrationErrorCode } from '../../../errors.js';
import { Answer, sendAnswer } from '../../../http/answer.js';
import { bytesOf, type ServerRequest } from '../../../http/server-request.js';
import { EngineLogger } from '../../../words/engine-logger.js';
import { WEBHOOKS_OPTIONS, type WebhooksModuleOptions } from '../../options/webhooks-options.js';
import { rawRequestOf } from '../definitions/raw-request.js';
import type { WebhookReply } from '../definitions/webhook-source.js';
import { IncomingWebhookService } from '../incoming-webhook.service.js';
import { nothingHere, nothingToGet, type RefusedStep, rawBodyMissing, toldOf } from '../refusal.js';
import { endpointIdOf } from '../refused-request.js';
import { KeysUnavailable } from '../schemes/jwks-keys.js';
import { PASSING_RETRY_SECONDS, PAUSED_RETRY_SECONDS, STATUSES } from './statuses.js';

/** SQLSTATEs of a server that stops, refuses connections, or took too long. */
const PASSING_STATES = /^(08|53|57|55P03|40)/;

/**
 * Answers the requests of senders. It writes the answer itself, so that nothing of the application changes
 * it.
 */
@Injectable()
export class WebhookAnswers {
  private readonly logger = new EngineLogger('IncomingWebhooks');

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly webhooks: IncomingWebhookService,
    @Inject(WEBHOOKS_OPTIONS) private readonly options: WebhooksModuleOptions,
  ) {}

  async answer(request: ServerRequest, response: unknown): Promise<void> {
    const { source = '', endpointId } = request.params as { source?: string; endpointId?: string };
    try {
      sendAnswer(this.host, response, await this.answerTo(request, source, endpointId));
    } catch (error) {
      this.refuse(error, response);
    }
  }

  /** Answers with what went wrong. An error that nobody expected says nothing of itself, and is logged. */
  refuse(error: unknown, response: unknown): void {
    sendAnswer(this.host, response, this.refusalOf(error));
  }

  private refusalOf(error: unknown): Answer {
    const told = toldOf(error);
    if (told !== undefined) {
      const { step, code, message } = told;
      if (step === 'raw-body') this.logger.errorOfFailure(message, undefined, step);
      const headers = step === 'paused' ? { 'Retry-After': PAUSED_RETRY_SECONDS } : {};
      return Answer.of({ code, step, message }, { status: STATUSES[step], headers });
    }
    if (error instanceof IntegrationError && error.code === 'INTEGRATION_CONTRACT_VIOLATION') {
      const { eventName } = error.details;
      this.logger.errorOfFailure(error.message, undefined, `${error.code} ${eventName}`);
      const message = 'The delivery does not keep its contract';
      return Answer.of({ code: error.code, message }, { status: 422 });
    }
    if (isPassing(error)) {
      const line = `A webhook was not accepted: ${(error as Error).message}`;
      if (isOfOperators(error)) this.logger.errorOfFailure(line, undefined, line);
      else this.logger.warnOfFailure(line);
      const headers = { 'Retry-After': PASSING_RETRY_SECONDS };
      const message = 'The delivery cannot be stored at the moment. Send it again';
      return Answer.of({ message }, { status: 503, headers });
    }
    const line = stackWithCauses(error);
    this.logger.errorOfFailure(line, undefined, line);
    return Answer.of({ message: 'The delivery was not stored. Send it again' }, { status: 500 });
  }

  private async answerTo(
    request: ServerRequest,
    key: string,
    endpointId: string | undefined,
  ): Promise<Answer> {
    const source = this.webhooks.find(key);
    // A delivery is a POST. A GET only tries the address, and platforms give a HEAD to the route of a GET.
    const isDelivery = request.method.toUpperCase() === 'POST';
    if (source === undefined || (source.secrets === 'endpoint') !== (endpointId !== undefined)) {
      this.note(key, 'source', isDelivery, endpointId);
      throw isDelivery ? nothingHere(key) : nothingToGet(key);
    }
    const body = bytesOf(request);
    if (body === undefined) {
      this.note(key, 'raw-body', isDelivery, endpointId);
      throw rawBodyMissing(key);
    }
    const raw = rawRequestOf(request, body, { publicUrl: this.options.publicUrl, endpointId });
    if (!isDelivery) return answerOf(await this.webhooks.tried(key, raw));
    const accepted = await this.webhooks.accept(key, raw);
    if (accepted.status === 'handshake') return answerOf(accepted.reply);
    // How many events there are is no business of the sender's.
    const { status, outboxEventId } = accepted;
    return source.reply === undefined ? Answer.of({ status, outboxEventId }) : answerOf(source.reply);
  }

  /** Notes that a request was refused before it came to `accept`. */
  private note(key: string, step: RefusedStep, isDelivery: boolean, endpointId: string | undefined): void {
    if (isDelivery) this.webhooks.refused(key, { step, endpointId: endpointIdOf(endpointId) });
    else this.webhooks.count(key, step);
  }
}

function answerOf({ status, contentType = 'text/plain; charset=utf-8', body = '' }: WebhookReply): Answer {
  return Answer.ofText(body, { status, headers: { 'Content-Type': contentType } });
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
