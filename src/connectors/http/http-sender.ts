import { AbortGroups } from '../../http/abort-groups.js';
import { HttpCall, type KnownOfIdentity } from './http-call.js';
import type { HttpIdentity } from './http-identity.js';
import type { HttpParts, SentAnswer } from './http-parts.js';
import type { WrittenRequest } from './http-request.js';

/** Sends the requests of one connection. */
export class HttpSender {
  /** What was read of the last identity. */
  private readonly known: KnownOfIdentity = { destinations: undefined, target: undefined, never: undefined };
  private readonly signals = new AbortGroups();

  constructor(
    private readonly parts: HttpParts,
    private readonly identityOf: () => HttpIdentity | Promise<HttpIdentity>,
    private readonly signal?: AbortSignal,
  ) {}

  /** @param accepts which statuses are answers, and not errors */
  async send(request: WrittenRequest, accepts: (status: number) => boolean = isGood): Promise<SentAnswer> {
    const { parts, identityOf, known } = this;
    const { signal, leave } = this.joined(request.signal);
    try {
      return await new HttpCall({ parts, identityOf, known, request, signal }).run(accepts);
    } finally {
      leave?.();
    }
  }

  /**
   * The signal of the client and that of a request, as one. What `AbortSignal.any` makes would be kept as
   * long as the signal of the client.
   */
  private joined(given: AbortSignal | undefined): {
    readonly signal: AbortSignal | undefined;
    readonly leave?: () => void;
  } {
    const { signal: own } = this;
    if (own === undefined || given === undefined || own === given) return { signal: own ?? given };
    const both = new AbortController();
    const leaves = [own, given].map((each) =>
      this.signals.join(each, { abort: () => both.abort(each.reason) }),
    );
    return {
      signal: both.signal,
      leave: () => {
        for (const leave of leaves) leave();
      },
    };
  }
}

function isGood(status: number): boolean {
  return (status >= 200 && status < 300) || status === 304;
}
