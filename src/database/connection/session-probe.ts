import { randomUUID } from 'node:crypto';
import { answerWithin } from '../wire/answer-within.js';
import { forgetMark, HOLD_SESSION, markSession, notifyMarked, READ_MARK } from './session-probe.store.js';

/** Milliseconds that a notification may take on a direct connection. */
const HEARD_WITHIN_MS = 2_000;

/** The part of a client of node-postgres that the probe needs. */
export interface ProbedClient {
  query(sql: string): Promise<unknown>;
  on(event: 'notification', listener: (message: { channel: string }) => void): unknown;
  off(event: 'notification', listener: (message: { channel: string }) => void): unknown;
}

/**
 * Whether the client has a session of the server for itself. Then what it sets is still set after another
 * client has worked, and it hears notifications while it runs no statement. A pooler that lends sessions by
 * transaction can do neither. The process ID of the backend proves nothing, because some transparent proxies
 * make it up.
 *
 * While `other` keeps a session busy, a pooler must give our next statement another session, unless it
 * happens to have kept ours for us. So the probe checks both. Nobody hears a notification on a session that
 * the pooler has lent to nobody at the moment.
 */
export async function hasSessionOfItsOwn(client: ProbedClient, other: ProbedClient): Promise<boolean> {
  const mark = randomUUID();
  const channel = `nestjs_integration_${mark}`;
  const heard = new Notification(client, channel);
  try {
    await client.query(markSession(channel, mark));
    await other.query(HOLD_SESSION);
    // A pooler that has only one session, which is busy now, does not answer.
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

/** Waits for the first notification on a channel. */
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
