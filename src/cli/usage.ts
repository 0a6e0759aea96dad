import type { Command, CommandOption } from './command.js';

/** The options of every command. */
export const COMMON_OPTIONS = {
  'database-url': {
    type: 'string',
    summary: 'URL of the database; default: DATABASE_URL, from the environment or .env',
  },
  name: {
    type: 'string',
    summary: 'the name of the integration, in an application with several: reads <NAME>_DATABASE_URL',
  },
  schema: { type: 'string', summary: 'Postgres schema of the integration tables; default: integration' },
  json: { type: 'boolean', summary: 'print one JSON object instead of text' },
  help: { type: 'boolean', summary: 'print this' },
  version: { type: 'boolean', summary: 'print the version of the package' },
} as const satisfies Record<string, CommandOption>;

/** The help text of these commands. It includes the options if there is only one command. */
export function usage(shown: readonly Command[]): string {
  const [command] = shown.length === 1 ? shown : [];
  const calls = shown.map((each) => [callOf(each), each.summary]);
  const options = Object.entries({ ...command?.options, ...COMMON_OPTIONS } as Record<string, CommandOption>);
  return [
    'Usage: nestjs-integration <command> [options]',
    '',
    ...columns(calls),
    '',
    ...columns(options.map(([name, option]) => [optionText(name, option), option.summary])),
    '',
    'Exit status: 0 all is well, 1 something is wrong, 2 wrong use.',
  ].join('\n');
}

function optionText(name: string, { type, valueIfBare }: CommandOption): string {
  if (valueIfBare !== undefined) return `--${name}[=${valueIfBare}]`;
  return type === 'string' ? `--${name} <…>` : `--${name}`;
}

function callOf({ name, parameters, optionalParameter, restParameter }: Command): string {
  const words = parameters.map((parameter) => `<${parameter}>`);
  if (optionalParameter !== undefined) words.push(`[${optionalParameter}]`);
  if (restParameter !== undefined) words.push(`[${restParameter}…]`);
  return [name, ...words].join(' ');
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(...rows.map(([first = '']) => first.length));
  return rows.map(([first = '', second = '']) => `  ${first.padEnd(width)}  ${second}`);
}
