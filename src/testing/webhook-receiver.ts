import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { IntegrationError } from '../errors.js';
import { readStream } from '../http/read-bytes.js';
import type { SignatureScheme } from '../webhooks/incoming/definitions/signature-scheme.js';
import { checkChoice, checkNames } from '../words/argument-checks.js';
import { misbehave, RECEIVER_BEHAVIOURS, type ReceiverBehaviour } from './receiver-behaviours.js';

/** How old a signature may be. */
const TOLERANCE_MS = 300_000;
const MOST_BYTES = 10_485_760;
const DEFAULT_TIMEOUT_MS = 10_000;

export interface WebhookReceiverOptions {
  /** Secrets `whsec_…` and public keys `whpk_…` that are believed from the beginning; `trust` adds others. */
  secrets?: readonly string[] | undefined;
  /** How it begins to answer. Default: `ok`. */
  behaviour?: ReceiverBehaviour | undefined;
}

/** A request that came to a `webhookReceiver`. */
export interface ReceiverRequest {
  /** `webhook-id`: the id of the event, which is the same for each attempt. Empty if there is none. */
  readonly id: string;
  /** Which request with this id it is, from 1 on. */
  readonly attempt: number;
  /** Whether one of the trusted secrets signed it, within the last five minutes. */
  readonly isVerified: boolean;
  /** How it was answered. */
  readonly behaviour: ReceiverBehaviour;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Names are in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  /** The text as it was sent. */
  readonly body: string;
  /** The same as JSON. Undefined if it is none. */
  readonly json: unknown;
}

/** A server on 127.0.0.1 that takes webhooks in for a test. `webhookReceiver()` makes it. */
export class WebhookReceiver {
  private readonly came: ReceiverRequest[] = [];
  /** How many requests came with each id. */
  private readonly attempts = new Map<string, number>();
  private readonly secrets: string[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly waiting = new Set<() => void>();
  private behaviours: readonly ReceiverBehaviour[] = ['ok'];
  private taken = 0;
  private isClosed = false;

  /** For `webhookReceiver()`. */
  constructor(
    private readonly server: Server,
    private readonly scheme: SignatureScheme,
  ) {
    server.on('connection', (socket) => {
      this.taken++;
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.sockets.delete(socket));
    });
    server.on('request', (request, response) => void this.take(request, response));
  }

  /** Where it listens: `http://127.0.0.1:<port>/hook`. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  /** The rules of the network that an application needs in order to send to it. */
  get network(): { readonly http: true; readonly allow: readonly string[] } {
    return { http: true, allow: ['127.0.0.1'] };
  }

  /** All that has come, in the order in which it came. */
  get requests(): readonly ReceiverRequest[] {
    return [...this.came];
  }

  /** How many connections were made to it. */
  get connections(): number {
    return this.taken;
  }

  /** Believes requests that these secrets signed, besides those that it believes already. */
  trust(...secrets: readonly string[]): this {
    for (const secret of secrets) {
      const problem = this.scheme.problemOfSecret?.(secret);
      if (problem !== undefined)
        throw new IntegrationError(
          'INTEGRATION_ADMIN_INVALID',
          `webhookReceiver cannot take a secret: ${problem}`,
        );
    }
    this.secrets.push(...secrets);
    return this;
  }

  /** Answers the next requests so, one after the other, and all later ones as the last of them. */
  behave(...behaviours: readonly [ReceiverBehaviour, ...ReceiverBehaviour[]]): this {
    for (const behaviour of behaviours) checkChoice('behaviour', behaviour, RECEIVER_BEHAVIOURS);
    this.behaviours = behaviours;
    return this;
  }

  /**
   * Waits until so many requests have come, those before the call included, and returns all of them.
   *
   * @throws IntegrationError INTEGRATION_OUTCOME_TIMEOUT after `timeoutMs` (default 10000), which says how
   *   many came; INTEGRATION_CLOSED if it is closed meanwhile
   */
  async received(
    count: number,
    { timeoutMs = DEFAULT_TIMEOUT_MS }: { timeoutMs?: number | undefined } = {},
  ): Promise<readonly ReceiverRequest[]> {
    const deadline = performance.now() + timeoutMs;
    while (this.came.length < count) {
      if (this.isClosed)
        throw new IntegrationError(
          'INTEGRATION_CLOSED',
          `The receiver was closed after ${this.came.length} requests`,
        );
      const leftMs = deadline - performance.now();
      if (leftMs <= 0)
        throw new IntegrationError(
          'INTEGRATION_OUTCOME_TIMEOUT',
          `${this.came.length} of ${count} requests came to the receiver within ${timeoutMs} ms`,
          { came: this.came.length, count },
        );
      await this.change(leftMs);
    }
    return this.requests;
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.tell();
    for (const socket of this.sockets) socket.destroy();
    await new Promise((closed) => this.server.close(closed));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readStream(request, MOST_BYTES).catch(() => undefined);
    if (body === undefined) {
      request.socket.destroy();
      return;
    }
    const [behaviour = 'ok', ...later] = this.behaviours;
    if (later.length > 0) this.behaviours = later;
    const { method = '', url: path = '' } = request;
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
    );
    const id = headers['webhook-id'] ?? '';
    const text = body.toString();
    const isVerified = await this.verifies({ method, headers, body });
    const attempt = (this.attempts.get(id) ?? 0) + 1;
    this.attempts.set(id, attempt);
    this.came.push({
      id,
      attempt,
      isVerified,
      behaviour,
      method,
      path,
      headers,
      body: text,
      json: jsonOf(text),
    });
    misbehave(behaviour, response);
    this.tell();
  }

  private async verifies(
    request: Pick<ReceiverRequest, 'method' | 'headers'> & { body: Buffer },
  ): Promise<boolean> {
    const found = await this.scheme.verify({ ...request, url: this.url }, this.secrets);
    return found.ok && Math.abs(Date.now() - (found.signedAt?.getTime() ?? 0)) <= TOLERANCE_MS;
  }

  private change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.waiting.add(end);
    });
  }

  private tell(): void {
    for (const end of [...this.waiting]) end();
  }
}

/**
 * Starts a server on 127.0.0.1 that takes webhooks in, verifies their signatures by Standard Webhooks, notes
 * what came, and misbehaves if it is told to.
 *
 * ```ts
 * const receiver = await webhookReceiver();
 * const { secret } = await destinations.create({ url: receiver.url, eventTypes: ['*'] });
 * receiver.trust(secret).behave('refuse', 'ok');
 * const [first, second] = await receiver.received(2); // the attempt that failed, and the next one
 * await receiver.close();
 * ```
 */
export async function webhookReceiver(options: WebhookReceiverOptions = {}): Promise<WebhookReceiver> {
  checkNames('an option of webhookReceiver', options, ['secrets', 'behaviour']);
  // An application that tests without webhooks loads no file of theirs.
  const { standardScheme } = await import('../webhooks/incoming/schemes/standard.scheme.js');
  const server = createServer();
  const receiver = new WebhookReceiver(server, standardScheme());
  receiver.trust(...(options.secrets ?? [])).behave(options.behaviour ?? 'ok');
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(0, '127.0.0.1', listening);
  });
  return receiver;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
