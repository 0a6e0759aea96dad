import { randomUUID } from 'node:crypto';
import { answerWithin } from '../wire/answer-within.js';
import { forgetMark, HOLD_SESSION, markSession, notifyMarked, READ_MARK } from './session-probe.store.js';

/** So long a notification may take on a direct connection. */
const HEARD_WITHIN_MS = 2_000;

/** What looking at a session needs of a client of node-postgres. */
export interface ProbedClient {
  query(sql: string): Promise<unknown>;
  on(event: 'notification', listener: (message: { channel: string }) => void): unknown;
  off(event: 'notification', listener: (message: { channel: string }) => void): unknown;
}

/**
 * Whether the client has a session of the server for itself: what it sets is still set while somebody else
 * works, and it hears notifications while it asks nothing. A pooler that lends sessions by transaction cannot
 * do either. The backend's number says nothing: some proxies make it up and are transparent all the same.
 *
 * While `other` keeps a session busy, a pooler has to give our next statement another one, unless it happens
 * to have kept ours: so both are asked for. Nobody hears what is said on a session that nobody has at the
 * moment.
 */
export async function hasSessionOfItsOwn(client: ProbedClient, other: ProbedClient): Promise<boolean> {
  const mark = randomUUID();
  const channel = `nestjs_integration_${mark}`;
  const heard = new Notification(client, channel);
  try {
    await client.query(markSession(channel, mark));
    await other.query(HOLD_SESSION);
    // A pooler that has one session only, which is busy now, does not answer.
    const read = answerWithin(HEARD_WITHIN_MS, client.query(READ_MARK)).catch(() => undefined);
    const kept = (await read) as { rows: { mark: string | null }[] } | undefined;
    if (kept?.rows[0]?.mark !== mark) return false;
    await other.query(notifyMarked(channel));
    if (!(await heard.within(HEARD_WITHIN_MS))) return false;
    await client.query(forgetMark(channel));
    return true;
  } finally {
    heard.end();
  }
}

/** Waits for the first one on a channel. */
class Notification {
  private readonly listener: (message: { channel: string }) => void;
  private readonly arrived: Promise<true>;

  constructor(
    private readonly client: ProbedClient,
    channel: string,
  ) {
    let arrive: (value: true) => void = () => {};
    this.arrived = new Promise((resolve) => {
      arrive = resolve;
    });
    this.listener = (message) => {
      if (message.channel === channel) arrive(true);
    };
    client.on('notification', this.listener);
  }

  async within(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), ms);
    });
    return Promise.race([this.arrived, late]).finally(() => clearTimeout(timer));
  }

  end(): void {
    this.client.off('notification', this.listener);
  }
}
