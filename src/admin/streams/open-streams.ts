import type { ServerResponse } from 'node:http';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { RestProblem } from '../../rest/problem.js';
import { OverviewLook } from '../look/overview.js';
import { LOOK_MS } from '../look/shared-looks.js';

export interface StreamLimits {
  /** How many streams a process has open at most. */
  readonly most: number;
  /** After how many milliseconds a stream is ended. A session that was revoked then ends as well. */
  readonly lifetimeMs: number;
}

/** The token of `StreamLimits`. */
export const STREAM_LIMITS = Symbol('nestjs-integration:admin-stream-limits');
export const DEFAULT_STREAM_LIMITS: StreamLimits = { most: 20, lifetimeMs: 10 * 60_000 };

/**
 * A response of Express, which is that of Node, or a reply of Fastify, which has it. `hijack` tells Fastify
 * that it does not answer.
 */
type StreamResponse = ServerResponse & {
  readonly raw?: ServerResponse;
  readonly hijack?: () => void;
  readonly getHeaders: () => Record<string, string | number | string[] | undefined>;
  /** The middleware `compression` has it. */
  readonly flush?: () => void;
};

/**
 * The streams of server-sent events that are open. All of them get the same look. Only while there is one,
 * the process looks every two seconds.
 */
@Injectable()
export class OpenStreams implements OnModuleDestroy {
  private readonly open = new Map<ServerResponse, NodeJS.Timeout>();
  private timer: NodeJS.Timeout | undefined;
  private isClosing = false;

  constructor(
    private readonly look: OverviewLook,
    @Inject(STREAM_LIMITS) private readonly limits: StreamLimits,
  ) {}

  /** Streams that stay open would keep the server from closing. */
  onModuleDestroy(): void {
    this.isClosing = true;
    for (const stream of [...this.open.keys()]) this.end(stream);
  }

  /**
   * Refuses a stream before anything is written.
   *
   * @throws RestProblem 429 if there are too many, 503 while the application closes
   */
  requirePlace(): void {
    if (this.isClosing) {
      throw new RestProblem(503, 'INTEGRATION_ADMIN_UNAVAILABLE', 'The application is closing');
    }
    if (this.open.size >= this.limits.most) {
      throw new RestProblem(
        429,
        'INTEGRATION_ADMIN_TOO_MANY_STREAMS',
        `This process has ${this.limits.most} streams open and opens no more. Read the overview instead, or try again later`,
      );
    }
  }

  /**
   * Answers with a stream that ends by itself, when the client goes, or when the application closes. Others
   * may have taken the last place since it was asked for.
   *
   * @throws RestProblem as `requirePlace`
   */
  start(response: unknown, headers: Readonly<Record<string, string>>): void {
    this.requirePlace();
    const reply = response as StreamResponse;
    const raw = reply.raw ?? reply;
    reply.hijack?.();
    // What hooks of the application set, for CORS for example, is on the reply of Fastify only.
    raw.writeHead(200, { ...(reply.raw === undefined ? {} : reply.getHeaders()), ...headers });
    const end = setTimeout(() => this.end(raw), this.limits.lifetimeMs);
    end.unref();
    this.open.set(raw, end);
    raw.once('close', () => this.forget(raw));
    raw.on('error', () => this.forget(raw));
    this.write(raw, ': the streams of this process show the same look, every two seconds\n\n');
    this.timer ??= setInterval(() => void this.show(), LOOK_MS).unref();
    void this.show([raw]);
  }

  private async show(streams?: readonly ServerResponse[]): Promise<void> {
    const text = await this.look.latest(LOOK_MS / 2).then(
      (look) => `event: overview\ndata: ${JSON.stringify(look)}\n\n`,
      () => 'event: unavailable\ndata: {}\n\n',
    );
    for (const stream of streams ?? this.open.keys()) this.write(stream, text);
  }

  /** A client that does not read gets the next look instead, once it reads again. */
  private write(stream: ServerResponse, text: string): void {
    if (!this.open.has(stream) || stream.writableNeedDrain) return;
    stream.write(text);
    (stream as StreamResponse).flush?.();
  }

  private end(stream: ServerResponse): void {
    this.forget(stream);
    stream.end();
  }

  private forget(stream: ServerResponse): void {
    clearTimeout(this.open.get(stream));
    this.open.delete(stream);
    if (this.open.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
