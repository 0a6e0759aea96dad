import type { ServerResponse } from 'node:http';

/** `slow` answers after so long. */
const SLOW_MS = 1_000;
const PIECE = Buffer.alloc(16_384, 'a');

/**
 * How a `webhookReceiver` answers.
 *
 * - `ok`: 200.
 * - `refuse`: 500. `gone`: 410, after which no more is sent.
 * - `retry-after`: 503 with `Retry-After: 1`.
 * - `redirect`: 302 to another path of the same server, which would be seen in `requests`.
 * - `slow`: 200 after a second. `hang`: no answer at all. `trickle`: 200, and a body that never ends, byte
 *   by byte.
 * - `endless`: 200, and a body that never ends, as fast as it is read.
 * - `reset`: the connection is reset. `cut`: it ends in the middle of the answer.
 * - `garbage`: what comes is not HTTP.
 */
export type ReceiverBehaviour = keyof typeof BEHAVIOURS;

const BEHAVIOURS = {
  ok: (response) => response.end('ok'),
  refuse: (response) => response.writeHead(500).end('no'),
  gone: (response) => response.writeHead(410).end('gone'),
  'retry-after': (response) => response.writeHead(503, { 'retry-after': '1' }).end('later'),
  redirect: (response) => response.writeHead(302, { location: '/redirected' }).end(),
  slow: (response) =>
    untilClosed(
      response,
      setTimeout(() => response.end('ok'), SLOW_MS),
    ),
  hang: () => undefined,
  trickle: (response) =>
    untilClosed(
      response,
      setInterval(() => response.write('a'), 50),
    ),
  endless: (response) => {
    const more = () => {
      while (!response.destroyed && response.write(PIECE));
    };
    response.on('drain', more);
    more();
  },
  reset: (response) => response.socket?.resetAndDestroy(),
  cut: (response) => {
    response.writeHead(200, { 'content-length': '100' }).write('o', () => response.socket?.destroy());
  },
  garbage: (response) => response.socket?.end('This is not HTTP\r\n\r\n'),
} satisfies Record<string, (response: ServerResponse) => unknown>;

export const RECEIVER_BEHAVIOURS = Object.keys(BEHAVIOURS) as readonly ReceiverBehaviour[];

/** Answers a request in one of the ways. */
export function misbehave(behaviour: ReceiverBehaviour, response: ServerResponse): void {
  response.on('error', () => undefined);
  BEHAVIOURS[behaviour](response);
}

function untilClosed(response: ServerResponse, timer: NodeJS.Timeout): void {
  response.once('close', () => clearTimeout(timer));
}
