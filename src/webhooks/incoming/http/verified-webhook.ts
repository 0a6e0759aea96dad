import {
  applyDecorators,
  type CallHandler,
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  HttpException,
  Inject,
  Injectable,
  mixin,
  type NestInterceptor,
  type Type,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { catchError, Observable, throwError } from 'rxjs';
import { bytesOf, type ServerRequest } from '../../../http/server-request.js';
import { WEBHOOKS_OPTIONS, type WebhooksModuleOptions } from '../../options/webhooks-options.js';
import type { VerifiedWebhookRequest } from '../accepted-webhook.js';
import { rawRequestOf } from '../definitions/raw-request.js';
import { IncomingWebhookService } from '../incoming-webhook.service.js';
import { withinRequest } from '../once-request.js';
import { rawBodyMissing, refusedStepOf, toldOf } from '../refusal.js';
import { KeysUnavailable } from '../schemes/jwks-keys.js';

import { PASSING_RETRY_SECONDS, PAUSED_RETRY_SECONDS, STATUSES } from './statuses.js';

const verified = new WeakMap<object, VerifiedWebhookRequest>();

/**
 * Lets a request into a route of the application only if this source has signed it. The route does with it
 * what it likes; nothing is stored or published. Make the application with `{ rawBody: true }`.
 *
 * ```ts
 * @Post('payments')
 * @VerifiedWebhook('stripe')
 * async paid(@WebhookEvent() { deliveryId, json }: VerifiedWebhookRequest) { … }
 * ```
 *
 * With `repeatedBody: 'reject'` of the source, `IncomingWebhookService.once` in the route refuses a body that
 * came before under another key.
 *
 * A request that is refused gets the status of its step and a body with `code`, `step` and `message`.
 */
export function VerifiedWebhook(source: string): MethodDecorator & ClassDecorator {
  return applyDecorators(UseGuards(guardOf(source)), UseInterceptors(WithinVerifiedRequest));
}

/** The request that `@VerifiedWebhook` has verified, as a `VerifiedWebhookRequest`. */
export const WebhookEvent: () => ParameterDecorator = createParamDecorator(
  (_: unknown, context: ExecutionContext) => verified.get(context.switchToHttp().getRequest<object>()),
);

/** Tells `once` which body came, and answers what it refuses as the guard does. */
@Injectable()
class WithinVerifiedRequest implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = verified.get(context.switchToHttp().getRequest<object>());
    const handled =
      request === undefined
        ? next.handle()
        : new Observable<unknown>((subscriber) =>
            withinRequest(request, () => next.handle().subscribe(subscriber)),
          );
    return handled.pipe(catchError((error: unknown) => throwError(() => asHttp(error))));
  }
}

function guardOf(source: string): Type<CanActivate> {
  @Injectable()
  class VerifiedWebhookGuard implements CanActivate {
    constructor(
      @Inject(IncomingWebhookService) private readonly webhooks: IncomingWebhookService,
      @Inject(WEBHOOKS_OPTIONS) private readonly options: WebhooksModuleOptions,
      @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    ) {}

    async canActivate(context: ExecutionContext): Promise<boolean> {
      const request = context.switchToHttp().getRequest<ServerRequest>();
      try {
        const body = bytesOf(request);
        if (body === undefined) throw rawBodyMissing(source);
        const { endpointId } = request.params ?? {};
        const raw = rawRequestOf(request, body, {
          publicUrl: this.options.publicUrl,
          endpointId: typeof endpointId === 'string' ? endpointId : undefined,
        });
        verified.set(request, await this.webhooks.verify(source, raw));
        return true;
      } catch (error) {
        const seconds = retryAfterOf(error);
        if (seconds !== undefined)
          this.host.httpAdapter.setHeader(context.switchToHttp().getResponse(), 'Retry-After', seconds);
        throw asHttp(error);
      }
    }
  }
  return mixin(VerifiedWebhookGuard);
}

/** When a sender may repeat a request that is neither right nor wrong yet. */
function retryAfterOf(error: unknown): string | undefined {
  if (error instanceof KeysUnavailable) return PASSING_RETRY_SECONDS;
  return refusedStepOf(error) === 'paused' ? PAUSED_RETRY_SECONDS : undefined;
}

/** Only what a refusal says goes to the sender. Any other error is the application's to answer. */
function asHttp(error: unknown): unknown {
  if (error instanceof KeysUnavailable) {
    const message = 'The delivery cannot be verified at the moment. Send it again.';
    return new HttpException({ statusCode: 503, message }, 503, { cause: error });
  }
  const told = toldOf(error);
  if (told === undefined) return error;
  const { step, code, message } = told;
  return new HttpException({ statusCode: STATUSES[step], code, step, message }, STATUSES[step]);
}
