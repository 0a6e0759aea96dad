import { createHmac, randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { SECRET } from './receiver-protocol.js';

export interface Signed {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** About as long as what GitHub says of a pull request. */
const FILES = Array.from({ length: 40 }, (_, n) => ({
  filename: `src/rooms/room-${n}/file-${n}.ts`,
  status: 'modified',
  additions: n,
  deletions: 40 - n,
  url: `https://example.com/repositories/7/contents/src/rooms/room-${n}/file-${n}.ts`,
}));

/** Deliveries that all differ, signed and ready to be sent. */
export function signedDeliveries(count: number): Signed[] {
  return Array.from({ length: count }, () => {
    const id = randomUUID();
    const body = JSON.stringify({ action: 'opened', id, repository: { id: 7, name: 'house' }, files: FILES });
    return {
      body,
      headers: {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        'x-github-event': 'pull_request',
        'x-github-delivery': id,
        'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
      },
    };
  });
}

/** One sender with a connection of its own. */
export class Sender {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(private readonly url: string) {}

  /** Resolves when it is answered. */
  send(path: string, { body, headers }: Signed): Promise<void> {
    return new Promise((resolve, reject) => {
      const sent = request(this.url + path, { method: 'POST', agent: this.agent, headers }, (response) => {
        response.resume();
        response.once('end', () => {
          const { statusCode = 0 } = response;
          if (statusCode >= 200 && statusCode < 300) resolve();
          else reject(new Error(`${path} answered ${statusCode}`));
        });
      });
      sent.once('error', reject);
      sent.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}
