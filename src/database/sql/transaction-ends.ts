import { IntegrationError } from '../../errors.js';
import { onCommandComplete } from '../wire/wire.js';

/** The command that ended a transaction. Undefined if the command is not known. */
export type EndedBy = 'COMMIT' | 'ROLLBACK' | 'PREPARE TRANSACTION' | undefined;

/** How a transaction has ended whose COMMIT the server has refused. */
export const ROLLED_BACK = 'ROLLBACK' satisfies EndedBy;

/** Counts the commands of each kind that the server has carried out on a connection. */
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

/** The counts of a node-postgres client. Undefined if the client does not show the tags of its commands. */
function watch(connection: object): Tags | undefined {
  const known = tagsOf.get(connection);
  if (known !== undefined) return known;
  const tags = new Tags();
  if (onCommandComplete(connection, (tag) => tags.see(tag)) === undefined) return undefined;
  tagsOf.set(connection, tags);
  return tags;
}

/**
 * Tells whether a transaction was ended by one of its own statements. The answers of the server show it,
 * because each answer names its command. So `COMMIT; BEGIN` and `COMMIT AND CHAIN` are noticed, after which
 * another transaction is open. Only `ROLLBACK TO SAVEPOINT` has the same answer as `ROLLBACK`. If there was a
 * savepoint, such an answer leaves the end in doubt, and the server is asked.
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

  /** Starts to count. It must be called when the answer to BEGIN has arrived and no later answer has. */
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

/** A savepoint can only be made by a statement without values that contains this word. */
const NAMES_SAVEPOINT = /savepoint/i;

/**
 * Tells whether a transaction was ended by one of its own statements, and asks the server if the answers
 * leave that in doubt.
 */
export class TransactionGuard {
  private ends: TransactionEnds | undefined;
  /** The start time of the transaction. It is asked for before a statement that may make a savepoint. */
  private start: Promise<string | undefined> | undefined;

  /** @param askStart Asks the server when the open transaction began. */
  constructor(private readonly askStart: () => Promise<string | undefined>) {}

  /**
   * Is called when the transaction has begun. Returns false if the client does not show the answers to its
   * statements. Then `beganAt` must be called with the start time of the transaction.
   */
  begun(connection: object): boolean {
    this.ends = TransactionEnds.from(connection);
    return this.ends !== undefined;
  }

  beganAt(start: string | undefined): void {
    this.start = Promise.resolve(start);
  }

  /** Is called before a statement without values is sent. */
  sends(text: string): void {
    if (this.start !== undefined || !NAMES_SAVEPOINT.test(text)) return;
    this.start = this.askStart();
    this.start.catch(() => {});
  }

  /**
   * The error if the transaction was ended by one of its own statements, as far as is known without asking.
   */
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
   * Rejects with INTEGRATION_TRANSACTION_ENDED if the transaction was ended by one of its own statements. A
   * transaction that an error has aborted cannot answer. It passes, because it cannot commit.
   */
  async verify(): Promise<void> {
    if (this.error !== undefined) throw this.error;
    const start = await this.start;
    if ((await this.askStart().catch(() => start)) !== start)
      throw transactionEnded(this.ends === undefined ? undefined : 'ROLLBACK');
  }
}

/**
 * The error for a transaction that ended itself. `whose` names the transaction at the beginning of a
 * sentence.
 */
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

/** The error for a transaction of a rehearsal in which the handler has sent COMMIT. */
export function commitRefused(cause: unknown): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_TRANSACTION_ENDED',
    `The handler sent COMMIT, which a rehearsal refuses. What it had written before is rolled back. ${REMEDY}`,
    { endedBy: ROLLED_BACK },
    { cause },
  );
}

/** The command that ended the transaction, if an error says that a transaction ended itself. */
export function endOf(error: unknown): { readonly by: EndedBy } | undefined {
  if (!(error instanceof IntegrationError) || error.code !== 'INTEGRATION_TRANSACTION_ENDED')
    return undefined;
  return { by: error.details.endedBy as EndedBy };
}

const REMEDY =
  'Leave BEGIN, COMMIT and ROLLBACK to the code that opened the transaction: throw to roll back, and use SAVEPOINT for a part that may fail alone';

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
