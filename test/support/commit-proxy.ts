import { type Relay, startRelay } from './relay.js';
import { textsOf, wireMessages } from './wire-messages.js';

/** A way to the server that can lose the answer to a COMMIT, which the server has carried out. */
export interface CommitProxy extends Relay {
  /**
   * The next transaction with a statement that contains `text` is committed, and its client never hears of it:
   * its connection ends instead. Resolves when that has happened.
   */
  loseCommitOf(text: string): Promise<void>;
}

interface Losing {
  readonly text: string;
  readonly lost: () => void;
}

export async function startCommitProxy(databaseUrl: string): Promise<CommitProxy> {
  const losing = new Set<Losing>();
  const relay = await startRelay(databaseUrl, (inbound, outbound) => {
    const prepared = new Map<string, string>();
    /** The statements of the transaction that is open. */
    let said: string[] = [];
    let lost: Losing | undefined;
    const say = (sql: string) => {
      said.push(sql);
      if (!/^\s*COMMIT/i.test(sql)) return;
      lost ??= [...losing].find(({ text }) => said.some((each) => each.includes(text)));
      if (lost !== undefined) losing.delete(lost);
      said = [];
    };
    const asked = wireMessages(false, (type, body) => {
      const [first = '', second = ''] = textsOf(body);
      if (type === 'Q') say(first);
      if (type === 'P') prepared.set(first, second);
      if (type === 'B') say(prepared.get(second) ?? '');
    });
    const answered = wireMessages(true, (type, body) => {
      if (lost === undefined || type !== 'C' || textsOf(body)[0] !== 'COMMIT') return;
      inbound.destroy();
      lost.lost();
    });
    inbound.on('data', (data) => {
      asked(data);
      outbound.write(data);
    });
    outbound.on('data', (data) => {
      answered(data);
      if (lost === undefined) inbound.write(data);
    });
    return undefined;
  });
  return {
    ...relay,
    loseCommitOf: (text) => new Promise((lost) => losing.add({ text, lost })),
  };
}
