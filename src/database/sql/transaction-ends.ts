import { IntegrationError } from '../../errors.js';
import { onCommandComplete } from '../wire/wire.js';

/** The command that ended a transaction; undefined where only that it has ended is known. */
export type EndedBy = 'COMMIT' | 'ROLLBACK' | 'PREPARE TRANSACTION' | undefined;

/** How many commands of a kind the server has carried out on a connection. */
class Tags {
  ends = 0;
  rollbacks = 0;
  savepoints = 0;
  lastEnd: EndedBy;

  see(tag: string): void {
    if (tag === 'SAVEPOINT') this.savepoints++;
    else if (tag === 'ROLLBACK') this.rollbacks++;
    else if (tag === 'COMMIT' || tag === 'PREPARE TRANSACTION') {
      this.ends++;
      this.lastEnd = tag;
    }
  }
}

const tagsOf = new WeakMap<object, Tags>();

/** Of a node-postgres client; undefined where it does not show what the server says of each command. */
function watch(connection: object): Tags | undefined {
  const known = tagsOf.get(connection);
  if (known !== undefined) return known;
  const tags = new Tags();
  if (onCommandComplete(connection, (tag) => tags.see(tag)) === undefined) return undefined;
  tagsOf.set(connection, tags);
  return tags;
}

/**
 * Whether a transaction that was begun on a connection has been ended by one of its own statements, as the
 * server's answers to them tell: each says which command it was. So `COMMIT; BEGIN` and `COMMIT AND CHAIN`
 * are seen, behind which a transaction is open again. Only `ROLLBACK TO SAVEPOINT` says the same as
 * `ROLLBACK`: behind a savepoint such an answer is in doubt, and the server is asked.
 */
export class TransactionEnds {
  private readonly ends: number;
  private readonly rollbacks: number;
  private readonly savepoints: number;

  private constructor(private readonly tags: Tags) {
    this.ends = tags.ends;
    this.rollbacks = tags.rollbacks;
    this.savepoints = tags.savepoints;
  }

  /** From now on, when the answer to BEGIN is there and that to no later statement. */
  static from(connection: object): TransactionEnds | undefined {
    const tags = watch(connection);
    return tags && new TransactionEnds(tags);
  }

  get hasEnded(): boolean {
    return this.tags.ends !== this.ends || (this.hasRolledBack && this.tags.savepoints === this.savepoints);
  }

  get isInDoubt(): boolean {
    return !this.hasEnded && this.hasRolledBack;
  }

  get by(): EndedBy {
    return this.tags.ends === this.ends ? 'ROLLBACK' : this.tags.lastEnd;
  }

  private get hasRolledBack(): boolean {
    return this.tags.rollbacks !== this.rollbacks;
  }
}

/** What makes a savepoint names it, in a statement without values. */
const NAMES_SAVEPOINT = /savepoint/i;

/** The same of a transaction that asks its server where the answers leave it in doubt. */
export class TransactionGuard {
  private ends: TransactionEnds | undefined;
  /** When it began, asked for when it may get a savepoint. */
  private start: Promise<string | undefined> | undefined;

  /** @param askStart when the transaction began that is open. */
  constructor(private readonly askStart: () => Promise<string | undefined>) {}

  /**
   * False where the answers to its statements are not shown: then it is to be told when the transaction
   * began.
   */
  begun(connection: object): boolean {
    this.ends = TransactionEnds.from(connection);
    return this.ends !== undefined;
  }

  beganAt(start: string | undefined): void {
    this.start = Promise.resolve(start);
  }

  /** Before a statement without values is sent. */
  sends(text: string): void {
    if (this.start !== undefined || !NAMES_SAVEPOINT.test(text)) return;
    this.start = this.askStart();
    this.start.catch(() => {});
  }

  /** It has ended by one of its own statements, as far as is known without asking. */
  get error(): IntegrationError | undefined {
    return this.ends?.hasEnded ? transactionEnded(this.ends.by) : undefined;
  }

  get hasEnded(): boolean {
    return this.ends?.hasEnded === true;
  }

  get mayHaveEnded(): boolean {
    return this.ends === undefined ? this.start !== undefined : this.ends.hasEnded || this.ends.isInDoubt;
  }

  /**
   * Rejects with INTEGRATION_TRANSACTION_ENDED if it has. One that an error has aborted says nothing, and
   * cannot commit.
   */
  async verify(): Promise<void> {
    if (this.error !== undefined) throw this.error;
    const start = await this.start;
    if ((await this.askStart().catch(() => start)) !== start)
      throw transactionEnded(this.ends === undefined ? undefined : 'ROLLBACK');
  }
}

/** A transaction ended itself; `whose` names it at the beginning of a sentence. */
export function transactionEnded(
  by: EndedBy,
  whose = 'The transaction',
  details: Record<string, unknown> = {},
  options?: ErrorOptions,
): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_TRANSACTION_ENDED',
    `${whose} was ended by one of its own statements${by === undefined ? '' : `, ${by}`}. ${consequenceOf(by)} ${REMEDY}`,
    { ...details, endedBy: by },
    options,
  );
}

/** By which command, where an error says that a transaction has ended itself. */
export function endOf(error: unknown): { readonly by: EndedBy } | undefined {
  if (!(error instanceof IntegrationError) || error.code !== 'INTEGRATION_TRANSACTION_ENDED')
    return undefined;
  return { by: error.details.endedBy as EndedBy };
}

const REMEDY =
  'Leave BEGIN, COMMIT and ROLLBACK to whoever opened the transaction: throw to roll back, and use SAVEPOINT for a part that may fail alone.';

function consequenceOf(by: EndedBy): string {
  switch (by) {
    case 'COMMIT':
      return 'What it had written before is committed, and stays.';
    case 'ROLLBACK':
      return 'What it had written before is rolled back.';
    case 'PREPARE TRANSACTION':
      return 'What it had written before is prepared, and waits for COMMIT PREPARED or ROLLBACK PREPARED.';
    default:
      return 'What it had written before may be committed.';
  }
}
