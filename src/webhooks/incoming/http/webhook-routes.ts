import type { Provider, Type } from '@nestjs/common';
import { HttpAdapterHost, type ModuleRef } from '@nestjs/core';
import { type ControllerRoute, mountedController } from '../../../http/mounted-controller.js';
import { MountedRoutes, type RouteAt } from '../../../http/mounted-routes.js';
import { BodyReadBefore, RawBodies } from '../../../http/raw-bodies.js';
import { BodyTooLarge } from '../../../http/read-bytes.js';
import { DEFAULT_PATH, type WebhooksModuleOptions } from '../../options/webhooks-options.js';
import { IncomingWebhookService } from '../incoming-webhook.service.js';
import { rawBodyMissing, tooLarge } from '../refusal.js';
import { endpointIdOf } from '../refused-request.js';
import { WebhookAnswers } from './webhook-answers.js';

export const ENDPOINT_PATH = ':source/:endpointId';
/** The paths of the routes below that of the module. */
const PATHS = [':source', ENDPOINT_PATH];
/** A delivery is a POST, and a handshake may be a GET. */
const METHODS = ['POST', 'GET'] as const;
const ROUTES: readonly RouteAt[] = METHODS.flatMap((method) => PATHS.map((path) => ({ method, path })));

export function webhookController({ path = DEFAULT_PATH, incoming }: WebhooksModuleOptions): Type<object> {
  const route = (method: (typeof METHODS)[number]): ControllerRoute<WebhookAnswers> => ({
    method,
    paths: PATHS,
    decorate: incoming?.decorate,
    answer: (answers, request, response) => answers.answer(request, response),
  });
  return mountedController({
    name: 'IncomingWebhooksController',
    path,
    by: WebhookAnswers,
    routes: { receive: route('POST'), handshake: route('GET') },
  });
}

export function webhookRoutes(
  moduleRef: ModuleRef,
  host: HttpAdapterHost,
  at: { readonly module: Type<unknown>; readonly path: string },
): MountedRoutes {
  return new MountedRoutes(moduleRef, host, { ...at, routes: () => ROUTES });
}

/** Reads the bodies of webhooks before anything of the application does, with the limit of their source. */
export const RAW_BODIES: Provider = {
  provide: RawBodies,
  inject: [MountedRoutes, HttpAdapterHost, IncomingWebhookService, WebhookAnswers],
  useFactory: (
    routes: MountedRoutes,
    host: HttpAdapterHost,
    webhooks: IncomingWebhookService,
    answers: WebhookAnswers,
  ) =>
    new RawBodies(routes, host, {
      limitOf: ({ source: key }) => {
        const source = webhooks.find(String(key));
        return source && webhooks.maxBodyBytesOf(source);
      },
      refuse: (error, { source, endpointId }, response) => {
        const refused = refusalOf(error, String(source));
        if (refused !== undefined)
          webhooks.refused(String(source), { step: refused.step, endpointId: endpointIdOf(endpointId) });
        answers.refuse(refused?.error ?? error, response);
      },
    }),
};

function refusalOf(error: unknown, source: string) {
  if (error instanceof BodyTooLarge) return { step: 'size', error: tooLarge(source, error.limit) } as const;
  return error instanceof BodyReadBefore
    ? ({ step: 'raw-body', error: rawBodyMissing(source) } as const)
    : undefined;
}
