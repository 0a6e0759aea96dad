import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { HttpAdapterHost } from '@nestjs/core';
import type { MountedRoutes } from './mounted-routes.js';
import { BodyTooLarge, isUnread, readBytes, readStream, SenderGone } from './read-bytes.js';
import { bytesOf, keepBytes, type ServerRequest } from './server-request.js';

/** The parameters of the route that a request is for. */
type Parameters = Readonly<Record<string, unknown>>;

export interface RawBodyRules {
  /** The most bytes that the body of a request may have. Undefined if nobody wants to have it. */
  limitOf(parameters: Parameters): number | undefined;
  /**
   * Answers a request whose body is refused: with `BodyTooLarge`, `BodyReadBefore` or an error of its
   * stream.
   */
  refuse(error: unknown, parameters: Parameters, response: unknown): void;
}

/** Something read the body before, and did not keep its bytes. */
export class BodyReadBefore extends Error {
  override readonly name = 'BodyReadBefore';
}

interface FastifyRequest extends ServerRequest {
  readonly raw: IncomingMessage;
}

/** Headers by which Fastify decides that there is a body to parse. */
const BODY_HEADERS = ['content-type', 'content-length', 'transfer-encoding'] as const;

/**
 * Reads the bodies of POST requests of mounted routes before anything of the application does, and keeps
 * their bytes (`bytesOf`). A middleware of Express reads them in front of the parsers. In Fastify a hook of
 * the routes reads the body before it is parsed.
 */
export class RawBodies {
  constructor(
    private readonly routes: MountedRoutes,
    private readonly host: HttpAdapterHost,
    private readonly rules: RawBodyRules,
  ) {
    this.readInExpress();
    this.readInFastify();
  }

  private readInExpress(): void {
    this.routes.beforeParsers((request, response, next) => {
      const parameters = request.method === 'POST' ? this.routes.parametersOf(request) : undefined;
      const limit = parameters && this.rules.limitOf(parameters);
      if (parameters === undefined || limit === undefined) next();
      else
        read(request, request as unknown as IncomingMessage, limit).then(
          () => next(),
          (error: unknown) => this.giveUp(error, parameters, response),
        );
    });
  }

  private readInFastify(): void {
    this.routes.whenAdded((route) => {
      route.preParsing = async (request: FastifyRequest, reply: unknown, payload: unknown) => {
        const { params = {}, raw } = request;
        const { headers } = raw;
        // A body that nobody wants is refused by the controller, so it need not be parsed either.
        hidden.set(raw, Object.fromEntries(BODY_HEADERS.map((name) => [name, headers[name]])));
        try {
          const limit = request.method === 'POST' ? this.rules.limitOf(params) : undefined;
          if (limit !== undefined) await read(request, raw, limit, payload);
        } catch (error) {
          this.giveUp(error, params, reply);
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

  /** The rest of the body is not read, so the connection cannot be used again. */
  private giveUp(error: unknown, parameters: Parameters, response: unknown): void {
    if (error instanceof SenderGone) return;
    this.host.httpAdapter.setHeader(response, 'Connection', 'close');
    this.rules.refuse(error, parameters, response);
  }
}

/**
 * Reads the body of a request, and leaves nothing to read to the parsers of the application.
 *
 * @throws BodyTooLarge, BodyReadBefore, SenderGone
 */
async function read(
  request: ServerRequest,
  raw: IncomingMessage,
  limit: number,
  payload: unknown = raw,
): Promise<void> {
  const bytes = await unreadBytes(raw, payload, limit, () => bytesOf(request) !== undefined);
  if (bytes === 'too many') throw new BodyTooLarge(limit);
  if (bytes !== undefined) keepBytes(raw, bytes);
  // Nothing may wait for a stream that has ended, and a parser might, or might take the rest for all.
  else if (bytesOf(request) === undefined) throw new BodyReadBefore();
  // The body parsers of Express 4 ask for this.
  Object.assign(raw, { _body: true });
}

/**
 * The bytes of a body that nobody has read yet. Undefined if somebody has: the application, or whatever
 * stands before it. Then a host may have kept them (`isKept`), or a hook of Fastify hands on a stream of
 * its own.
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
 * What a hook has made of the body is not looked at. But while it is full it would hold up the body, and
 * Node pauses the body if it fails.
 */
function letRun(payload: unknown, raw: IncomingMessage): void {
  if (payload instanceof Readable) payload.on('error', () => raw.resume()).resume();
}

/** The headers of requests of Fastify that are hidden while it decides about parsing. */
const hidden = new WeakMap<object, Record<string, string | string[] | undefined>>();
