import { Logger } from '@nestjs/common';
import { AdminDatabase } from '../database/admin-database.js';
import { adminFailure } from '../database/admin-failure.js';
import { connectionLost } from '../database/connection/connection-failure.js';
import { isConnectionLoss } from '../database/connection/connection-loss.js';
import { EngineDatabase } from '../database/engine-database.js';
import { packageVersion } from '../database/migrations/package-folder.js';
import { DEFAULT_SCHEMA, validateSchemaName } from '../database/sql/schema-name.js';
import { IntegrationError, messageOf } from '../errors.js';
import type { IntegrationExtension } from '../module/extension.js';
import { DEFAULT_ENGINE, problemsOfEngineName, variablePrefixOf } from '../words/engine-name.js';
import { type Command, type CommandContext, Declined, UsageError } from './command.js';
import { type CommandLine, meantBy, readCommandLine } from './command-line.js';
import { commandsWith } from './commands.js';
import { confirm } from './confirmation.js';
import { readEnvironment } from './environment.js';
import { textOption } from './options.js';
import { type Shell, shellOfProcess } from './shell.js';
import { visible, visibleLine } from './terminal-text.js';
import { usage } from './usage.js';
import { watch, watchedEvery } from './watch.js';
import { describeError, isWrongUse } from './wrong-use.js';

/**
 * Runs one command line and resolves to the exit status: 0 if all is well, 1 if something is wrong, 2 for
 * wrong usage. The parts of `extensions` bring commands, migrations, settings and checks.
 */
export async function run(
  words: readonly string[],
  shell: Shell = shellOfProcess(),
  extensions: readonly IntegrationExtension[] = [],
): Promise<number> {
  // The logs of services are meant for an application. Here they would appear between the results.
  Logger.overrideLogger(false);
  const commands = await commandsWith(extensions);
  try {
    return await runCommand(readCommandLine(words, commands), { shell, extensions, commands });
  } catch (error) {
    const asJson = words.includes('--json');
    if (asJson) printJson(shell, { error: describeError(error) });
    if (error instanceof UsageError)
      printError(shell, `${error.message}\n\n${usage(meantBy(words, commands))}`);
    else if (error instanceof Declined) printError(shell, error.message);
    else if (!asJson) printError(shell, `Error: ${messageOf(error)}`);
    return isWrongUse(error) ? 2 : 1;
  }
}

async function runCommand(
  line: CommandLine,
  {
    shell,
    extensions,
    commands,
  }: {
    readonly shell: Shell;
    readonly extensions: readonly IntegrationExtension[];
    readonly commands: readonly Command[];
  },
): Promise<number> {
  const { command, options } = line;
  if (options.version === true) return print(shell, packageVersion() ?? 'unknown');
  if (command === undefined || options.help === true)
    return print(shell, usage(command === undefined ? commands : [command]));
  const context = { ...contextOf(line, shell), extensions };
  const everyMs = watchedEvery(options);
  if (everyMs !== undefined) {
    const asJson = options.json === true;
    return watch(() => command.run(context), { shell, asJson, everyMs, title: command.name });
  }
  const result = await command.run(context);
  if (options.json === true) printJson(shell, result.data);
  else print(shell, result.text);
  return result.ok ? 0 : 1;
}

function contextOf(line: CommandLine, shell: Shell): Omit<CommandContext, 'extensions'> {
  const { arguments: given, options, command } = line;
  const environment = readEnvironment(shell.folder, shell.environment);
  const engine = engineOf(textOption(options, 'name'));
  const variable = `${variablePrefixOf(engine)}DATABASE_URL`;
  const connectionString = textOption(options, 'database-url') ?? textOf(environment[variable]);
  if (connectionString === undefined && command?.worksWithoutDatabase !== true) throw noDatabase(variable);
  const schema = validateSchemaName(textOption(options, 'schema') ?? DEFAULT_SCHEMA);
  return {
    arguments: given,
    options,
    environment,
    connectionString: connectionString ?? '',
    schema,
    engine,
    progress: (line) => {
      if (shell.isFollowed) printError(shell, line);
    },
    redraw: redrawing(shell),
    remark: (line) => printError(shell, line),
    interruptible: (work) => shell.interruptible(work),
    confirm: (consequence) => confirm(consequence, { yes: options.yes === true, terminal: shell.terminal }),
    withDatabase: (work) => {
      if (connectionString === undefined) throw noDatabase(variable);
      const target = { engine, connectionString, schema };
      return withDatabase(new EngineDatabase({ ...target, max: 1 }), new AdminDatabase(target), work);
    },
  };
}

/** Writes a line over the one before, without an end of line until there is no next one. */
function redrawing(shell: Shell): CommandContext['redraw'] {
  let isOpen = false;
  return (line) => {
    if (!shell.isFollowed) return;
    if (line !== undefined) shell.writeRemark(`\r${visibleLine(line)}\x1b[K`);
    else if (isOpen) shell.writeRemark('\n');
    isOpen = line !== undefined;
  };
}

function noDatabase(variable: string): UsageError {
  return new UsageError(`no database: give --database-url, or set ${variable} in the environment or in .env`);
}

function engineOf(name: string | undefined): string {
  const [problem] = name === undefined ? [] : problemsOfEngineName(name);
  if (problem !== undefined) throw new UsageError(`--${problem}`);
  return name ?? DEFAULT_ENGINE;
}

async function withDatabase<R>(
  db: EngineDatabase,
  admin: AdminDatabase,
  work: (db: EngineDatabase, admin: AdminDatabase) => Promise<R>,
): Promise<R> {
  try {
    await db.waitUntilReachable(0);
    return await work(db, admin);
  } catch (error) {
    const about = { schema: db.schema, whose: 'the database URL', session: db, isRead: false };
    const failure = await adminFailure(error, about);
    const isLoss = isConnectionLoss(failure) && !(failure instanceof IntegrationError);
    throw isLoss ? connectionLost(failure, db.address) : failure;
  } finally {
    await Promise.all([db.close(), admin.close()]);
  }
}

function textOf(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

function printJson(shell: Shell, data: Record<string, unknown>): void {
  print(shell, JSON.stringify(data, null, 2));
}

function print(shell: Shell, text: string): 0 {
  shell.writeResult(`${visible(text)}\n`);
  return 0;
}

function printError(shell: Shell, text: string): void {
  shell.writeRemark(`${visible(text)}\n`);
}
