import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { readBytes, SenderGone } from '../../../module/read-bytes.js';
import { segmentsOf } from '../../../module/route-path.js';
import { DEFAULT_PATH, WEBHOOKS_OPTIONS, type WebhooksModuleOptions } from '../../webhooks-options.js';
import { IncomingWebhookService } from '../incoming-webhook.service.js';
import { tooLarge } from '../refusal.js';
import type { WebhookSource } from '../webhook-source.js';
import { globalPrefixOf } from './global-prefix.js';
import { keepBytes, type ServerRequest } from './server-request.js';
import { WebhookAnswers } from './webhook-answers.js';
import { ROUTE_PATHS } from './webhook-controller.js';

/** What is used of a route of Fastify before it is added. */
interface FastifyRoute {
  readonly url: string;
  preParsing?: unknown;
  preValidation?: unknown;
}

/** What is used of an application of Fastify. */
interface FastifyInstance {
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): void;
}

interface ExpressRequest extends IncomingMessage {
  readonly method: string;
  readonly path: string;
}

interface FastifyRequest extends ServerRequest {
  readonly raw: IncomingMessage;
}

/** Headers by which Fastify decides that there is a body to parse. */
const BODY_HEADERS = ['content-type', 'content-length', 'transfer-encoding'] as const;

/**
 * Reads the bodies of webhooks before anything of the application does, with the limit of their source.
 *
 * Nest adds its body parsers when the application is initialized, before the middleware of modules. So the
 * middleware of Express is added here, when the container makes this provider. In Fastify a hook of the
 * routes reads the body before it is parsed. Other requests are left alone.
 */
@Injectable()
export class RawBytes {
  constructor(
    private readonly moduleRef: ModuleRef,
    private readonly host: HttpAdapterHost,
    private readonly webhooks: IncomingWebhookService,
    private readonly answers: WebhookAnswers,
    @Inject(WEBHOOKS_OPTIONS) private readonly options: WebhooksModuleOptions,
  ) {
    // An application that a test makes of a compiled module has no server yet.
    if (host.httpAdapter) this.install();
    else host.init$.subscribe(() => this.install());
  }

  private install(): void {
    const { httpAdapter } = this.host;
    // A process without HTTP, such as a worker, has none. Nest says so with null or undefined.
    if (!httpAdapter) return;
    if (httpAdapter.getType() === 'fastify') this.installInFastify(httpAdapter.getInstance());
    else {
      httpAdapter.use((request: ExpressRequest, response: unknown, next: (e?: unknown) => void) => {
        const source = this.sourceOf(request);
        if (source === undefined) next();
        else
          this.read(request, source).then(
            () => next(),
            (error: unknown) => this.giveUp(error, response),
          );
      });
    }
  }

  private installInFastify(instance: FastifyInstance): void {
    instance.addHook('onRoute', (route) => {
      if (!this.templates().some((template) => `/${template.join('/')}` === route.url)) return;
      route.preParsing = async (request: FastifyRequest, reply: unknown, payload: unknown) => {
        const { source: key } = request.params as { source?: string };
        const source = this.webhooks.find(key ?? '');
        // A request without a source is refused by the controller, so its body need not be parsed either.
        const { headers } = request.raw;
        hidden.set(request.raw, Object.fromEntries(BODY_HEADERS.map((name) => [name, headers[name]])));
        try {
          if (source !== undefined && request.method === 'POST') await this.read(request.raw, source);
        } catch (error) {
          this.giveUp(error, reply);
          return reply;
        }
        for (const name of BODY_HEADERS) delete headers[name];
        return payload;
      };
      route.preValidation = async ({ raw }: FastifyRequest) => {
        for (const [name, value] of Object.entries(hidden.get(raw) ?? {}))
          if (value !== undefined) raw.headers[name] = value;
      };
    });
  }

  /** Reads the body of a request, and leaves nothing to read to the parsers of the application. */
  private async read(request: IncomingMessage, source: WebhookSource): Promise<void> {
    const limit = this.webhooks.maxBodyBytesOf(source);
    const bytes = await readBytes(request, limit);
    if (bytes === undefined) {
      this.webhooks.count(source.key, 'size');
      throw tooLarge(source.key, limit);
    }
    keepBytes(request, bytes);
    // The body parsers of Express 4 ask for this.
    Object.assign(request, { _body: true });
  }

  /** The rest of the body is not read, so the connection cannot be used again. */
  private giveUp(error: unknown, response: unknown): void {
    if (error instanceof SenderGone) return;
    this.host.httpAdapter.setHeader(response, 'Connection', 'close');
    this.answers.refuse(error, response);
  }

  /** Express says the path that it looks for routes with. The URL may be written in other ways. */
  private sourceOf({ method, path }: ExpressRequest): WebhookSource | undefined {
    if (method !== 'POST') return undefined;
    const given = segmentsOf(path);
    for (const template of this.templates()) {
      if (template.length !== given.length) continue;
      const fits = template.every(
        (segment, place) => segment.startsWith(':') || segment.toLowerCase() === given[place]?.toLowerCase(),
      );
      if (fits) return this.webhooks.find(decoded(given[template.indexOf(':source')] ?? ''));
    }
    return undefined;
  }

  /** The segments of the paths of the routes, with the global prefix where they have it. */
  private templates(): string[][] {
    const path = segmentsOf(this.options.path ?? DEFAULT_PATH);
    return ROUTE_PATHS.map((route) => {
      const segments = [...path, ...segmentsOf(route)];
      return [...segmentsOf(globalPrefixOf(this.moduleRef, `/${segments.join('/')}`)), ...segments];
    });
  }
}

/** A parameter of a route as Express reads it. It refuses what cannot be read. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The headers of requests of Fastify that are hidden while it decides about parsing. */
const hidden = new WeakMap<object, Record<string, string | string[] | undefined>>();
