import type { IncomingHttpHeaders } from 'node:http';

/**
 * Why a request has no answer.
 *
 * - `refused`: the URL, or an address that its name leads to, is refused by the rules. Nothing was connected.
 * - `dns`: the name cannot be resolved.
 * - `connect`: nobody takes the connection.
 * - `tls`: the certificate does not fit, or the two sides agree on nothing.
 * - `timeout`: a deadline passed.
 * - `reset`: the other side ended the connection before its answer was whole.
 * - `protocol`: what came is no answer of HTTP, or its head is too large.
 * - `proxy`: the proxy of the rules does not work. The other side has no part in it.
 * - `aborted`: whoever asked did not want it any more.
 */
export type OutgoingFailureKind =
  | 'refused'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'reset'
  | 'protocol'
  | 'proxy'
  | 'aborted';

/** What became of a request. Faults of the network are answers too: nothing is thrown for them. */
export type OutgoingAnswer =
  | {
      readonly is: 'answered';
      /** From 200 to 599. Redirects are answers like all others. */
      readonly status: number;
      /** Names in small letters, as Node gives them. */
      readonly headers: IncomingHttpHeaders;
      /**
       * The first bytes of the body as they came, at most as many as were asked for. Nothing is decompressed.
       */
      readonly body: Buffer;
      /** Whether the body had more bytes. */
      readonly isCut: boolean;
      readonly durationMs: number;
    }
  | {
      readonly is: 'failed';
      readonly kind: OutgoingFailureKind;
      /**
       * A sentence that a tenant may read: without addresses, and without the URL, which may hold secrets.
       */
      readonly message: string;
      /** The status, if it came before the failure. */
      readonly status?: number;
      readonly durationMs: number;
    };
