import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { Inject, Injectable, RequestMethod } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { MountedRoutes } from '../../../module/mounted-routes.js';
import { isUnread, readBytes, readStream, SenderGone } from '../../../module/read-bytes.js';
import { segmentsOf } from '../../../module/route-path.js';
import { DEFAULT_PATH, WEBHOOKS_OPTIONS, type WebhooksModuleOptions } from '../../webhooks-options.js';
import { IncomingWebhookService } from '../incoming-webhook.service.js';
import { rawBodyMissing, tooLarge } from '../refusal.js';
import type { WebhookSource } from '../webhook-source.js';
import { bytesOf, keepBytes, type ServerRequest } from './server-request.js';
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
  readonly url: string;
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
    private readonly routes: MountedRoutes,
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
          this.read(request, request, source).then(
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
          if (source !== undefined && request.method === 'POST')
            await this.read(request, request.raw, source, payload);
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
  private async read(
    request: ServerRequest,
    raw: IncomingMessage,
    source: WebhookSource,
    payload: unknown = raw,
  ): Promise<void> {
    const limit = this.webhooks.maxBodyBytesOf(source);
    const bytes = await unreadBytes(raw, payload, limit, () => bytesOf(request) !== undefined);
    if (bytes === 'too many') {
      this.webhooks.count(source.key, 'size');
      throw tooLarge(source.key, limit);
    }
    if (bytes !== undefined) keepBytes(raw, bytes);
    // Nothing may wait for a stream that has ended, and a parser might, or might take the rest for all.
    else if (bytesOf(request) === undefined) {
      this.webhooks.count(source.key, 'raw-body');
      throw rawBodyMissing(source.key);
    }
    // The body parsers of Express 4 ask for this.
    Object.assign(raw, { _body: true });
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
    const { path = DEFAULT_PATH } = this.options;
    return ROUTE_PATHS.map((route) => this.routes.segmentsOf(`${path}/${route}`, RequestMethod.POST));
  }
}

/**
 * The bytes of a body that nobody has read yet. Undefined if somebody has: the application, or whatever
 * stands before it. Then a host may have kept them (`isKept`), or a hook of Fastify hands on a stream of its
 * own.
 *
 * @throws SenderGone
 */
async function unreadBytes(
  raw: IncomingMessage,
  payload: unknown,
  limit: number,
  isKept: () => boolean,
): Promise<Buffer | 'too many' | undefined> {
  try {
    if (isUnread(raw)) {
      if (payload !== raw) letRun(payload, raw);
      return (await readBytes(raw, limit)) ?? 'too many';
    }
    if (raw.aborted) throw new SenderGone('The sender went before its body was read');
    if (isKept() || payload === raw || !(payload instanceof Readable) || !isUnread(payload)) return undefined;
    return (await readStream(payload, limit)) ?? 'too many';
  } catch (error) {
    // A request that a host has made of something else fails to be read while its sender still waits.
    if (error instanceof SenderGone && !raw.aborted && raw.socket?.destroyed !== true) return undefined;
    throw error;
  }
}

/**
 * What a hook has made of the body is not looked at. But while it is full it would hold up the body, and Node
 * pauses the body if it fails.
 */
function letRun(payload: unknown, raw: IncomingMessage): void {
  if (payload instanceof Readable) payload.on('error', () => raw.resume()).resume();
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
