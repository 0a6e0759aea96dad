import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { codeLiteral, commandLine, sqlLiteral } from './pasteable-text.js';

const NAMES = [
  'billing',
  "o'neil",
  'a "b"',
  '$(touch x) `y` $HOME',
  'back\\slash',
  '-x',
  '--force',
  'zwei\nZeilen',
  'ü ö',
];

/** The words into which a shell splits a line. */
function wordsOf(line: string): string[] {
  const script = line.replace(/^npx nestjs-integration/, `printf '%s\\0'`);
  return execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

describe('a command line that is printed', () => {
  it.each(NAMES)('comes out of a shell as it was meant: %j', (name) => {
    const words = wordsOf(commandLine({ schema: 'other' }, 'consumers repartition', [name, 3], { by: name }));
    const options = name.startsWith('-') ? [`--by=${name}`] : ['--by', name];
    const names = [name, '3'];
    expect(words).toEqual(
      name.startsWith('-')
        ? ['consumers', 'repartition', ...options, '--schema', 'other', '--', ...names]
        : ['consumers', 'repartition', ...names, ...options, '--schema', 'other'],
    );
  });

  it('has an option without a value as its name alone', () => {
    expect(commandLine({ schema: 'integration' }, 'sagas list', [], { stuck: true, after: 'x' })).toBe(
      'npx nestjs-integration sagas list --stuck --after x',
    );
  });

  it('does not name the schema that is there by default', () => {
    expect(commandLine({ schema: 'integration' }, 'migrate')).toBe('npx nestjs-integration migrate');
  });

  it('names the integration that it is for, unless that has no name', () => {
    const target = { schema: 'integration', engine: 'billing' };
    expect(commandLine(target, 'migrate')).toBe('npx nestjs-integration migrate --name billing');
    expect(commandLine({ ...target, engine: 'default' }, 'migrate')).toBe('npx nestjs-integration migrate');
  });
});

it.each(NAMES)('a text in code is that text: %j', (name) => {
  expect(new Function(`return ${codeLiteral(name)}`)()).toBe(name);
});

it('a text in SQL is one literal, whatever standard_conforming_strings says', () => {
  expect(sqlLiteral("it's")).toBe("'it''s'");
  expect(sqlLiteral('a\\b')).toBe("E'a\\\\b'");
});
