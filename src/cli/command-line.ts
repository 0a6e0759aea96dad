import { parseArgs } from 'node:util';
import { misspeltOf, questionOf } from '../words/known-names.js';
import { type Command, type CommandOption, UsageError } from './command.js';
import { COMMON_OPTIONS } from './usage.js';

type OptionValues = Record<string, string | boolean | undefined>;

/** A command line, as far as it can be understood before a command runs. */
export interface CommandLine {
  /** Undefined only if `--help` or `--version` is given without a command. */
  command: Command | undefined;
  arguments: string[];
  options: OptionValues;
}

/** Reads the words after the program's name. Throws a UsageError that names the word that is wrong. */
export function readCommandLine(words: readonly string[], commands: readonly Command[]): CommandLine {
  const known = optionsOf(commands);
  const tokens = tokensOf(words, known);
  const positionals = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []));
  const { command, words: called } = calledBy(positionals, commands);
  const values = valuesOf(tokens, known, command);
  if (values.help === true || values.version === true) return { command, arguments: [], options: values };
  if (command === undefined) throw new UsageError(unknownCommand(positionals, commands));
  const rest = positionals.slice(called);
  refuseForeignOptions(command, values);
  if (rest.length < command.parameters.length || rest.length > mostArguments(command))
    throw new UsageError(wrongArguments(command, rest));
  return { command, arguments: rest, options: values };
}

type Options = ReadonlyMap<string, CommandOption>;
type Tokens = ReturnType<typeof tokensOf>;
type OptionToken = Extract<Tokens[number], { kind: 'option' }>;

function optionsOf(commands: readonly Command[]): Options {
  return new Map([...commands.map(({ options = {} }) => options), COMMON_OPTIONS].flatMap(Object.entries));
}

/** All that is wrong with options is said by `valuesOf`, in words of this package. */
function tokensOf(words: readonly string[], known: Options) {
  const options = Object.fromEntries([...known].map(([name, { type }]) => [name, { type }]));
  const args = withBareValues(words, known);
  return parseArgs({ args, options, allowPositionals: true, strict: false, tokens: true }).tokens;
}

function valuesOf(tokens: Tokens, known: Options, command: Command | undefined): OptionValues {
  const values: OptionValues = {};
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const option = known.get(token.name);
    if (option === undefined || !token.rawName.startsWith('--'))
      throw new UsageError(noOption(command, token.rawName));
    // Which of two values is meant cannot be known: of two consumers, the last one would be changed.
    if (Object.hasOwn(values, token.name)) throw new UsageError(`${token.rawName} is given more than once`);
    values[token.name] = option.type === 'string' ? textOf(token) : switchOf(token);
  }
  return values;
}

function textOf({ rawName, value, inlineValue }: OptionToken): string {
  if (value === undefined) throw new UsageError(`${rawName} needs a value`);
  if (inlineValue || !/^-./.test(value)) return value;
  throw new UsageError(
    `${rawName} needs a value, and ${JSON.stringify(value)} looks like an option: write ${rawName}=${value} if it is the value`,
  );
}

function switchOf({ rawName, value }: OptionToken): true {
  if (value === undefined) return true;
  throw new UsageError(`${rawName} takes no value`);
}

/** Gives options whose value may be left out the value that they have then: `--watch` is `--watch=2`. */
function withBareValues(words: readonly string[], known: Options): string[] {
  const end = words.indexOf('--');
  return words.map((word, index) => {
    const value = word.startsWith('--') ? known.get(word.slice(2))?.valueIfBare : undefined;
    return value === undefined || (end >= 0 && index > end) ? word : `${word}=${value}`;
  });
}

interface Call {
  command: Command | undefined;
  /** How many words name the command. */
  words: number;
}

/** The command with the longest name at the beginning of the words. */
function calledBy(positionals: readonly string[], commands: readonly Command[]): Call {
  let found: Call = { command: undefined, words: 0 };
  for (const command of commands) {
    const words = command.name.split(' ');
    if (words.length > found.words && startsWith(positionals, words))
      found = { command, words: words.length };
  }
  return found;
}

/**
 * The commands whose usage helps with these words. It is the command that the words name, or the commands of
 * the group that they begin to name. Otherwise it is all commands.
 */
export function meantBy(words: readonly string[], commands: readonly Command[]): readonly Command[] {
  const plain = words.filter((word) => !word.startsWith('-'));
  const { command } = calledBy(plain, commands);
  if (command !== undefined) return [command];
  const group = commands.filter(({ name }) => name.startsWith(`${plain[0]} `));
  return group.length > 0 ? group : commands;
}

function startsWith(words: readonly string[], name: readonly string[]): boolean {
  return name.every((word, index) => words[index] === word);
}

function refuseForeignOptions(command: Command, values: OptionValues): void {
  const own = namesOfOptions(command);
  const foreign = Object.keys(values).find((name) => !own.includes(name));
  if (foreign !== undefined) throw new UsageError(noOption(command, `--${foreign}`));
}

const namesOfOptions = (command: Command | undefined): string[] =>
  Object.keys({ ...COMMON_OPTIONS, ...command?.options });

function noOption(command: Command | undefined, rawName: string): string {
  const called = command?.name ?? 'nestjs-integration';
  const own = namesOfOptions(command).map((name) => `--${name}`);
  return `${called} has no option ${rawName}${questionOf(misspeltOf(rawName, own))}`;
}

/** Of a group, such as `consumers`, only the next word is compared. */
function unknownCommand(positionals: readonly string[], commands: readonly Command[]): string {
  if (positionals.length === 0) return 'no command given';
  const names = commands.map(({ name }) => name);
  const groups = [...new Set(names.map((name) => name.split(' ', 1)[0] ?? ''))];
  const [group = '', word] = positionals;
  const isGroup = word !== undefined && groups.includes(group);
  const meant = isGroup ? misspeltOf(`${group} ${word}`, names) : misspeltOf(group, groups);
  return `unknown command: ${positionals.join(' ')}${questionOf(meant)}`;
}

function mostArguments({ parameters, optionalParameter, restParameter }: Command): number {
  if (restParameter !== undefined) return Number.POSITIVE_INFINITY;
  return parameters.length + (optionalParameter === undefined ? 0 : 1);
}

function wrongArguments(command: Command, rest: readonly string[]): string {
  const missing = command.parameters.slice(rest.length).map((parameter) => `<${parameter}>`);
  if (missing.length > 0) return `${command.name} needs ${missing.join(' ')}`;
  const superfluous = rest[mostArguments(command)];
  return `${command.name} takes no ${JSON.stringify(superfluous)}`;
}
