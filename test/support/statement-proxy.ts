import { type Gate, gate } from './gate.js';
import { Recorder } from './recorder.js';
import { type Relay, startRelay } from './relay.js';
import { textsOf } from './wire-messages.js';

/** A statement that a client has sent, as the server gets it. */
export interface SentStatement {
  /** The application that its session says it is. */
  readonly application: string;
  /** The name under which it is prepared; empty where it is not. */
  readonly name: string;
  readonly sql: string;
  /** The number of rows that the server answered with; undefined where it refused, or the connection ended. */
  readonly answered: Promise<number | undefined>;
}

export type StatementKind = (statement: Pick<SentStatement, 'application' | 'name' | 'sql'>) => boolean;

/** Statements that wait on their way to the server. */
export interface Held {
  /** Resolves when the first of them waits. */
  readonly reached: Promise<void>;
  /** They go on, and later ones do not wait. */
  letGo(): void;
}

/**
 * A way to the server that shows every statement of a process, and holds up those of a kind. It goes by what a client may send
 * at all, not by which part of the engine sends it.
 */
export interface StatementProxy extends Relay {
  readonly sent: Recorder<SentStatement>;
  /** What was sent so far and is of this kind. */
  sentOf(kind: StatementKind): readonly SentStatement[];
  /** Resolves when this many more of this kind have been sent and answered. */
  more(count: number, kind: StatementKind): Promise<void>;
  /** The numbers of rows that the server has answered with while this was done, one for each statement. */
  rowsDuring(work: () => Promise<unknown>): Promise<number[]>;
  /** From now on statements of this kind wait, and whatever their connections send after them. */
  hold(kind: StatementKind): Held;
}

/** The statements of the process's heartbeat, which has a connection of its own. */
export const BEATS: StatementKind = ({ application }) => application === 'nestjs-integration heartbeat';

/** Those that are prepared under this name. */
export const named =
  (name: string): StatementKind =>
  (statement) =>
    statement.name === name;

export async function startStatementProxy(databaseUrl: string): Promise<StatementProxy> {
  const sent = new Recorder<SentStatement>();
  const holds = new Set<{ readonly kind: StatementKind; readonly reached: Gate; readonly go: Gate }>();
  const relay = await startRelay(databaseUrl, (inbound, outbound) => {
    const client = new ClientSide((statement) => sent.record(statement));
    const answers = messages(true, (message) => client.answer(message));
    let passed = Promise.resolve();
    const pass = messages(false, (message) => {
      const { begins, passes } = client.read(message);
      passed = passed.then(async () => {
        for (const hold of holds) {
          if (begins === undefined || !hold.kind(begins)) continue;
          hold.reached.open();
          await hold.go.opened;
        }
        passes?.();
        outbound.write(message.whole);
      });
    });
    inbound.on('data', pass);
    outbound.on('data', (data) => {
      answers(data);
      inbound.write(data);
    });
    return () => client.ended();
  });
  const sentOf = (kind: StatementKind) => sent.all.filter(kind);
  return {
    url: relay.url,
    sent,
    sentOf,
    more: async (count, kind) => {
      const enough = sentOf(kind).length + count;
      await sent.find(() => sentOf(kind).length >= enough);
      await Promise.all(sentOf(kind).map(({ answered }) => answered));
    },
    rowsDuring: async (work) => {
      const before = sent.all.length;
      await work();
      const answers = await Promise.all(sent.all.slice(before).map(({ answered }) => answered));
      return answers.map((rows = 0) => rows);
    },
    hold: (kind) => {
      const hold = { kind, reached: gate(), go: gate() };
      holds.add(hold);
      return {
        reached: hold.reached.opened,
        letGo: () => {
          holds.delete(hold);
          hold.go.open();
        },
      };
    },
    close: async () => {
      for (const { go } of holds) go.open();
      await relay.close();
    },
  };
}

interface Message {
  /** Empty for the first one of a client. */
  readonly type: string;
  readonly body: Buffer;
  readonly whole: Buffer;
}

type Sending = Omit<SentStatement, 'answered'>;

/** What is known of one client's connection: what it has prepared, and which answers are to come. */
class ClientSide {
  private application = '';
  private readonly prepared = new Map<string, string>();
  private bound: Sending | undefined;
  /** What the server has still to answer, in order. After an error it passes over what comes before the next sync. */
  private readonly awaited: (((rows: number | undefined) => void) | 'sync')[] = [];
  private rows = 0;

  constructor(private readonly onSent: (statement: SentStatement) => void) {}

  /** The statement that a message begins, and what is to be noted when it goes on to the server. */
  read({ type, body }: Message): { readonly begins?: Sending | undefined; readonly passes?: () => void } {
    const { application, prepared, awaited } = this;
    const [first = '', second = ''] = type === 'Q' || type === 'P' || type === 'B' ? textsOf(body) : [];
    switch (type) {
      case '':
        this.application = applicationOf(body);
        return {};
      case 'Q': {
        const begins = { application, name: '', sql: first };
        return {
          begins,
          passes: () => {
            this.send(begins);
            awaited.push('sync');
          },
        };
      }
      case 'P':
        prepared.set(first, second);
        return { begins: { application, name: first, sql: second } };
      case 'B':
        this.bound = { application, name: second, sql: prepared.get(second) ?? '' };
        return { begins: this.bound };
      case 'E': {
        const { bound } = this;
        return bound === undefined ? {} : { passes: () => this.send(bound) };
      }
      case 'S':
        return { passes: () => awaited.push('sync') };
      default:
        return {};
    }
  }

  answer({ type }: Message): void {
    const { awaited } = this;
    // The last one before a sync has ended with it: a text may be several statements.
    const isLast = awaited[1] === 'sync';
    if (type === 'D') this.rows++;
    if ((type === 'C' || type === 's' || type === 'I') && !isLast) this.endOne(true);
    if (type === 'E') while (awaited.length > 0 && awaited[0] !== 'sync') this.endOne(false);
    if (type === 'Z') {
      while (awaited.length > 0 && awaited[0] !== 'sync') this.endOne(true);
      awaited.shift();
    }
  }

  ended(): void {
    for (const each of this.awaited.splice(0)) if (each !== 'sync') each(undefined);
  }

  private send(statement: Sending): void {
    const answered = new Promise<number | undefined>((resolve) => this.awaited.push(resolve));
    this.onSent({ ...statement, answered });
  }

  private endOne(isAnswered: boolean): void {
    const { awaited, rows } = this;
    this.rows = 0;
    const first = awaited[0];
    if (first === undefined || first === 'sync') return;
    awaited.shift();
    first(isAnswered ? rows : undefined);
  }
}

function applicationOf(startup: Buffer): string {
  return /application_name\0([^\0]*)\0/.exec(startup.toString('latin1'))?.[1] ?? '';
}

/** Cuts what comes over one direction of a connection into messages. */
function messages(typed: boolean, receive: (message: Message) => void): (data: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let prefix = typed ? 1 : 0;
  return (data) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
    while (rest.length >= prefix + 4) {
      const length = prefix + rest.readInt32BE(prefix);
      if (rest.length < length) return;
      const whole = rest.subarray(0, length);
      const type = prefix === 1 ? String.fromCharCode(whole[0] ?? 0) : '';
      receive({ type, body: whole.subarray(prefix + 4), whole });
      rest = rest.subarray(length);
      prefix = 1;
    }
  };
}
