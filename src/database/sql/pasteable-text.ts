import * as pg from 'pg';
import { DEFAULT_ENGINE } from '../../words/engine-name.js';
import { DEFAULT_SCHEMA } from './schema-name.js';

/*
 * Messages contain texts that a reader pastes into a shell, into psql or into code. Names of consumers,
 * events and prepared transactions may be any text, so each name is quoted as the target needs it.
 */

/** Whose tables a command is for. Without an engine it is the one that has no name. */
export interface CommandTarget {
  readonly schema: string;
  readonly engine?: string | undefined;
}

/** A command line of this package for a POSIX shell. Names that begin with a dash come last, after `--`. */
export function commandLine(
  { schema, engine = DEFAULT_ENGINE }: CommandTarget,
  command: string,
  names: readonly (string | number)[] = [],
  options: Readonly<Record<string, string | number | true>> = {},
): string {
  const all: Record<string, string | number | true> = {
    ...options,
    ...(schema === DEFAULT_SCHEMA ? {} : { schema }),
    ...(engine === DEFAULT_ENGINE ? {} : { name: engine }),
  };
  const given = Object.entries(all).map(([name, value]) =>
    value === true ? `--${name}` : optionText(name, String(value)),
  );
  const words = names.map((name) => shellWord(String(name)));
  const areLast = names.some((name) => String(name).startsWith('-'));
  const rest = areLast ? [...given, '--', ...words] : [...words, ...given];
  return ['npx nestjs-integration', command, ...rest].join(' ');
}

/** A name or a text as an SQL literal, for a session with any settings: `'it''s'`. */
export function sqlLiteral(text: string): string {
  return pg.escapeLiteral(text).trim();
}

/** The name of a role, schema or table as an SQL identifier. */
export function sqlIdentifier(name: string): string {
  return pg.escapeIdentifier(name);
}

/** A text as a literal of TypeScript. */
export function codeLiteral(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

function optionText(name: string, value: string): string {
  return value.startsWith('-') ? `--${name}=${shellWord(value)}` : `--${name} ${shellWord(value)}`;
}

function shellWord(text: string): string {
  return /^[\w.:@/,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
