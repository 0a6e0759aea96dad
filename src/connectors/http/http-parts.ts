import type { IncomingHttpHeaders } from 'node:http';
import type { Gate } from '../../gate/gate.js';
import type { RequestOfError } from './http-errors.js';
import type { HttpMetrics } from './http-metrics.js';
import type { WaysOut } from './ways-out.js';

/** What requests go by, as the settings say it now. */
export interface HttpSettings {
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  readonly maxInlineWaitMs: number;
  readonly maxResponseBytes: number;
}

/** What the clients of all connections share. */
export interface HttpParts {
  readonly gate: Pick<Gate, 'pass' | 'limited' | 'heard'>;
  readonly ways: Pick<WaysOut, 'send'>;
  readonly metrics: HttpMetrics;
  readonly settings: () => HttpSettings;
}

/** An answer with its whole body. */
export interface SentAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly requestId: string | undefined;
  /** Where it came from, without credentials. */
  readonly url: URL;
  readonly of: RequestOfError;
}
