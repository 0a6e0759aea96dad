import {
  Controller,
  Inject,
  Req,
  RequestMapping,
  RequestMethod,
  Res,
  type Type,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { segmentsOf } from '../../../module/route-path.js';
import { DEFAULT_PATH, type WebhooksModuleOptions } from '../../webhooks-options.js';
import type { ServerRequest } from './server-request.js';
import { WebhookAnswers } from './webhook-answers.js';

/** The paths of the routes below that of the module. */
export const ROUTE_PATHS = [':source', ':source/:endpointId'] as const;

const ROUTES = {
  receive: { method: RequestMethod.POST, path: [...ROUTE_PATHS] },
  handshake: { method: RequestMethod.GET, path: [...ROUTE_PATHS] },
} as const;

/**
 * Makes the controller. Each module has a class and methods of its own, because decorators write on them, and
 * two applications of one process may have other paths.
 */
export function webhookController({ path = DEFAULT_PATH, incoming }: WebhooksModuleOptions): Type<object> {
  class IncomingWebhooksController {
    constructor(readonly answers: WebhookAnswers) {}
  }
  Inject(WebhookAnswers)(IncomingWebhooksController, undefined, 0);
  for (const [name, route] of Object.entries(ROUTES)) {
    const { [name]: method } = {
      [name](this: IncomingWebhooksController, request: ServerRequest, response: unknown): Promise<void> {
        return this.answers.answer(request, response);
      },
    };
    const { prototype } = IncomingWebhooksController;
    const descriptor: PropertyDescriptor = { value: method, configurable: true, writable: true };
    Object.defineProperty(prototype, name, descriptor);
    Req()(prototype, name, 0);
    Res()(prototype, name, 1);
    const decorators = [RequestMapping({ ...route, path: [...route.path] }), ...(incoming?.decorate ?? [])];
    for (const decorate of decorators) decorate(prototype, name, descriptor);
  }
  Controller({ path: segmentsOf(path).join('/'), version: VERSION_NEUTRAL })(IncomingWebhooksController);
  return IncomingWebhooksController;
}
