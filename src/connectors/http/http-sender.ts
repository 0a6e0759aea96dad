import { HttpCall, type KnownOfIdentity } from './http-call.js';
import type { HttpIdentity } from './http-identity.js';
import type { HttpParts, SentAnswer } from './http-parts.js';
import type { WrittenRequest } from './http-request.js';

/** Sends the requests of one connection. */
export class HttpSender {
  /** What was read of the last identity. */
  private readonly known: KnownOfIdentity = { destinations: undefined, target: undefined };

  constructor(
    private readonly parts: HttpParts,
    private readonly identityOf: () => HttpIdentity | Promise<HttpIdentity>,
    private readonly signal?: AbortSignal,
  ) {}

  /** @param accepts which statuses are answers, and not errors */
  send(request: WrittenRequest, accepts: (status: number) => boolean = isGood): Promise<SentAnswer> {
    const { parts, identityOf, known } = this;
    const signal = bothOf(this.signal, request.signal);
    return new HttpCall({ parts, identityOf, known, request, signal }).run(accepts);
  }
}

function isGood(status: number): boolean {
  return (status >= 200 && status < 300) || status === 304;
}

/** Node 20 keeps what `AbortSignal.any` makes as long as the signals it is made of, so it is made where it must be. */
function bothOf(own: AbortSignal | undefined, given: AbortSignal | undefined): AbortSignal | undefined {
  if (own === undefined || given === undefined || own === given) return own ?? given;
  return AbortSignal.any([own, given]);
}
