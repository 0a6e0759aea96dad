import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { OutgoingAnswer } from './outgoing-answer.js';
import {
  deadlineFailure,
  failureOf,
  type OutgoingFailure,
  type OutgoingPhase,
  RESET,
} from './outgoing-failure.js';

/**
 * How many bytes of a body are read beyond those that are kept, so that the connection can be used again. A
 * body with more ends with its connection.
 */
const SKIPPED_BYTES = 65_536;

const GIVEN_UP: OutgoingFailure = { kind: 'aborted', message: 'The request was given up' };

/**
 * One request and its answer, from the first step to the last. It ends once: whatever comes first ends it, be
 * it the answer, an error, a deadline or a signal, and nothing that comes later is heard.
 */
export class OutgoingExchange {
  private readonly begunAt = performance.now();
  private phase: OutgoingPhase = 'connecting';
  private timer: NodeJS.Timeout | undefined;
  /** When the timer ends. */
  private timerAt = Number.POSITIVE_INFINITY;
  private request: ClientRequest | undefined;
  private response: IncomingMessage | undefined;
  private readonly kept: Buffer[] = [];
  private keptBytes = 0;
  private bytes = 0;
  private settle: ((answer: OutgoingAnswer) => void) | undefined;

  constructor(
    private readonly answerBytes: number,
    private readonly deadlines: { readonly [P in OutgoingPhase]: number },
  ) {}

  /** The answer of a request that is not sent. */
  refuse(message: string): OutgoingAnswer {
    return this.failed({ kind: 'refused', message });
  }

  /** The answer of a request that nobody wants any more, and that is not sent. */
  giveUp(): OutgoingAnswer {
    return this.failed(GIVEN_UP);
  }

  /** @param begin sends the request. It is called a second time for one that `mayRepeat`. */
  run(begin: () => ClientRequest, mayRepeat: boolean): Promise<OutgoingAnswer> {
    return new Promise((resolve) => {
      this.settle = (answer) => {
        this.settle = undefined;
        clearTimeout(this.timer);
        resolve(answer);
      };
      this.send(begin, mayRepeat);
    });
  }

  /** Ends it without an answer, if it has not ended. */
  abort(): void {
    this.fail(GIVEN_UP);
  }

  private send(begin: () => ClientRequest, mayRepeat: boolean): void {
    this.enter('connecting');
    try {
      this.request = begin();
    } catch (error) {
      // Node refuses characters that no method, path or header may have.
      const code = String((error as NodeJS.ErrnoException).code ?? 'unknown');
      this.settle?.(this.refuse(`The request cannot be written (${code})`));
      return;
    }
    const { request } = this;
    request.on('socket', (socket) => this.onSocket(request, socket));
    request.on('response', (response) => this.onResponse(response));
    request.on('error', (error) => {
      if (this.request !== request) return;
      const failure = failureOf(error, this.phase, this.isSecured);
      const isStale = request.reusedSocket && failure.kind === 'reset' && this.response === undefined;
      if (isStale && mayRepeat) this.send(begin, false);
      else this.fail(failure);
    });
    // The other side asks for another protocol, which Node answers with the end of the connection.
    request.on('close', () => {
      if (this.request === request && this.response === undefined) this.fail(RESET);
    });
  }

  private get isSecured(): boolean {
    return this.request?.protocol === 'https:';
  }

  private onSocket(request: ClientRequest, socket: Socket): void {
    const ready = () => {
      if (this.request === request && this.phase === 'connecting') this.enter('waiting');
    };
    if (request.reusedSocket) ready();
    else if (socket instanceof TLSSocket) socket.once('secureConnect', ready);
    else if (socket.connecting) socket.once('connect', ready);
    else ready();
  }

  private onResponse(response: IncomingMessage): void {
    this.response = response;
    this.enter('reading');
    response.on('data', (piece: Buffer) => this.onData(piece));
    response.on('end', () => this.answer());
    response.on('error', (error) => this.fail(failureOf(error, this.phase, this.isSecured)));
    response.on('close', () => this.fail(RESET));
    // What comes behind such a head is no body of it, and may be no HTTP either.
    if (endsWithHead(response)) this.answer();
  }

  private onData(piece: Buffer): void {
    this.bytes += piece.length;
    const taken = piece.subarray(0, this.answerBytes - this.keptBytes);
    if (taken.length > 0) this.kept.push(taken);
    this.keptBytes += taken.length;
    if (this.bytes > this.answerBytes + SKIPPED_BYTES) this.cutOff();
  }

  /** The answer is what is kept, and the rest of it is not waited for. */
  private cutOff(): void {
    this.answer();
    this.request?.destroy();
  }

  /**
   * The next deadline is that of the phase. All of them count from the beginning. A timer that ends sooner
   * stays, because most requests end before their first deadline.
   */
  private enter(phase: OutgoingPhase): void {
    this.phase = phase;
    const at = this.begunAt + this.deadlines[phase];
    if (at < this.timerAt) this.setTimer(at);
  }

  private setTimer(at: number): void {
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(() => this.onTimer(), Math.max(0, at - performance.now()));
  }

  private onTimer(): void {
    const at = this.begunAt + this.deadlines[this.phase];
    if (at > this.timerAt) this.setTimer(at);
    else this.onDeadline();
  }

  private onDeadline(): void {
    // All that is kept has come, so the answer is there.
    if (this.bytes > this.answerBytes) this.cutOff();
    else this.fail(deadlineFailure(this.phase, this.deadlines[this.phase]));
  }

  private answer(): void {
    const { statusCode: status = 0, headers = {} } = this.response ?? {};
    const body = Buffer.concat(this.kept);
    const isCut = this.bytes > this.keptBytes;
    this.settle?.({ is: 'answered', status, headers, body, isCut, durationMs: this.elapsedMs() });
  }

  private fail(failure: OutgoingFailure): void {
    if (this.settle === undefined) return;
    this.settle(this.failed(failure));
    this.request?.destroy();
  }

  private failed(failure: OutgoingFailure): OutgoingAnswer {
    const status = this.response?.statusCode;
    return {
      is: 'failed',
      ...failure,
      ...(status === undefined ? {} : { status }),
      durationMs: this.elapsedMs(),
    };
  }

  private elapsedMs(): number {
    return Math.round(performance.now() - this.begunAt);
  }
}

/** Whether an answer is whole with its head (RFC 9112, 6.3). */
function endsWithHead({ statusCode }: IncomingMessage): boolean {
  return statusCode === 204 || statusCode === 304;
}
