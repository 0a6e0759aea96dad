import type { AdminDatabase } from '../database/admin-database.js';
import type { EngineDatabase } from '../database/engine-database.js';
import type { IntegrationExtension } from '../module/extension.js';

/**
 * One command of `nestjs-integration`. The commands of a noun stand in `<noun>.commands.ts`, one without a
 * noun in `<name>.command.ts`. commands.ts lists them.
 */
export interface Command {
  /** The words that name it: `migrate`, `settings set`. */
  name: string;
  /** The names of its arguments. All of them are required. */
  parameters: readonly string[];
  /** The name of an argument behind these that may be left out. */
  optionalParameter?: string;
  /** The name of the arguments behind these. There may be any number of them. */
  restParameter?: string;
  /** Options besides those of every command. */
  options?: Readonly<Record<string, CommandOption>>;
  /**
   * Whether the command may be called without a database. `connectionString` is then empty, and
   * `withDatabase` asks for one.
   */
  worksWithoutDatabase?: boolean;
  /** One line for the list of commands. */
  summary: string;
  run(context: CommandContext): Promise<CommandResult>;
}

export interface CommandOption {
  type: 'string' | 'boolean';
  /** The value of a text option that is given without one: `--watch`. */
  valueIfBare?: string;
  /** The meaning and the default of the option, for the usage. */
  summary: string;
}

/** What a command gets from the command line. */
export interface CommandContext {
  /** One value for each of the command's `parameters`, and those that may follow. */
  arguments: readonly string[];
  /** The given values of the command's own options. */
  options: Readonly<Record<string, string | boolean | undefined>>;
  /** The process's environment and the variables that `.env` adds. */
  environment: Readonly<Record<string, string | undefined>>;
  connectionString: string;
  schema: string;
  /** The name of the integration. With `schema` it makes the context a target of command lines. */
  engine: string;
  /** The extensions whose migrations, settings and checks the command includes. */
  extensions: readonly IntegrationExtension[];
  /** Shows a line about progress if standard error is a terminal. */
  progress(line: string): void;
  /**
   * Shows a line in the place of the one before, if standard error is a terminal. Undefined ends the line.
   */
  redraw(line: string | undefined): void;
  /** Shows a line about something that a reader should know, whether there is a terminal or not. */
  remark(line: string): void;
  /** Runs `work` with a signal that aborts when somebody presses Ctrl-C. The process then goes on. */
  interruptible<R>(work: (signal: AbortSignal) => Promise<R>): Promise<R>;
  /**
   * Asks before a command changes something. Resolves if the command may continue. Without a terminal it may
   * only with `--yes`. `consequence` says in one sentence what would happen, and to how many. It returns
   * undefined if nothing would be changed, and then nobody at a terminal is asked.
   */
  confirm(consequence: () => Promise<string | undefined>): Promise<void>;
  /**
   * Provides a connection to the database while `work` runs, and the connections of the services of admins,
   * which are opened when they are used.
   */
  withDatabase<R>(work: (db: EngineDatabase, admin: AdminDatabase) => Promise<R>): Promise<R>;
}

export interface CommandResult {
  /** Whether all is well. The exit status is then 0, and otherwise 1. */
  ok: boolean;
  /** What `--json` prints. */
  data: Record<string, unknown>;
  /** What is printed for a reader. */
  text: string;
  /** True if nothing will be different when the command looks again. `--watch` ends then. */
  isLast?: boolean;
}

/** The command line cannot be understood. The usage is printed and the exit status is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The question was not answered with yes. Nothing was changed, and the exit status is 1. */
export class Declined extends Error {
  override readonly name = 'Declined';

  constructor() {
    super('Nothing was changed.');
  }
}
