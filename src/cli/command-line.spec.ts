import { describe, expect, it } from '@jest/globals';
import { EXTENSIONS } from '../bin/extensions.js';
import type { Command, CommandOption } from './command.js';
import { commandsWith } from './commands.js';
import { run } from './run.js';
import { COMMON_OPTIONS } from './usage.js';

/** Runs a command line where there is no database. */
async function tried(words: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const outcome = { status: 0, stdout: '', stderr: '' };
  outcome.status = await run(
    words,
    {
      folder: '/nonexistent',
      environment: {},
      isFollowed: false,
      terminal: undefined,
      screen: () => undefined,
      interruptible: (work) => work(new AbortController().signal),
      writeResult: (text) => {
        outcome.stdout += text;
      },
      writeRemark: (text) => {
        outcome.stderr += text;
      },
    },
    EXTENSIONS,
  );
  return outcome;
}

const COMMANDS = await commandsWith(EXTENSIONS);

const optionsOf = ({ options = {} }: Command) =>
  Object.entries<CommandOption>({ ...options, ...COMMON_OPTIONS });

/** The words of a command with something for each of its arguments. */
const callOf = ({ name, parameters }: Command) => [...name.split(' '), ...parameters.map(() => 'x')];

async function expectWrongUse(words: readonly string[], message: string): Promise<void> {
  const { status, stdout, stderr } = await tried(words);
  const isJson = words.includes('--json');
  expect([words, status, stderr.split('\n')[0]]).toEqual([words, 2, message]);
  expect(stderr).toContain('\nUsage: nestjs-integration <command> [options]\n');
  if (!isJson) expect(stdout).toBe('');
  if (words.includes('--json=yes')) return;
  const asJson = isJson ? stdout : (await tried(['--json', ...words])).stdout;
  expect([words, JSON.parse(asJson)]).toEqual([words, { error: { message } }]);
}

describe.each(COMMANDS.map((command) => ({ name: command.name, command })))('$name', ({ name, command }) => {
  it('has a help that names its words, its arguments and every option that it takes, and no other', async () => {
    const { status, stdout, stderr } = await tried([...name.split(' '), '--help']);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`  ${[name, ...command.parameters.map((each) => `<${each}>`)].join(' ')}`);
    const named = [...stdout.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, option]) => option);
    expect(named.sort()).toEqual(
      optionsOf(command)
        .map(([option]) => option)
        .sort(),
    );
    expect(stdout).toContain('Exit status: 0 all is well, 1 something is wrong, 2 wrong use.');
  });

  it('refuses an option that it does not have', async () => {
    await expectWrongUse([...callOf(command), '--nonsense'], `${name} has no option --nonsense`);
    await expectWrongUse([...callOf(command), '--constructor=1'], `${name} has no option --constructor`);
    await expectWrongUse([...callOf(command), '-j'], `${name} has no option -j`);
  });

  it('refuses an option that is given more than once, one without its value, and one with a value too many', async () => {
    for (const [option, { type, valueIfBare }] of optionsOf(command)) {
      const given = type === 'string' ? `--${option}=x` : `--${option}`;
      await expectWrongUse([...callOf(command), given, given], `--${option} is given more than once`);
      if (type === 'boolean')
        await expectWrongUse([...callOf(command), `--${option}=yes`], `--${option} takes no value`);
      else if (valueIfBare === undefined) {
        await expectWrongUse([...callOf(command), `--${option}`], `--${option} needs a value`);
        await expectWrongUse(
          [...callOf(command), `--${option}`, '--yes'],
          `--${option} needs a value, and "--yes" looks like an option: write --${option}=--yes if it is the value`,
        );
      }
    }
  });
});

describe('a value', () => {
  it('may begin with a hyphen behind an equals sign, and be a hyphen', async () => {
    for (const reason of ['--reason=-1', '--reason=--yes', '--reason=-'])
      expect((await tried(['consumers', 'pause', 'billing', reason])).stderr).toMatch(/^no database: /);
  });

  it.each([
    '5',
    'Nov 20',
    '2026-13-01',
    '2026-02-30',
    '2026-02-30T08:00:00Z',
    '2026-11-20T25:00:00Z',
    '20261120',
  ])('is no time: %s', async (time) => {
    const { status, stderr } = await tried([
      'audit',
      'list',
      '--since',
      time,
      '--database-url',
      'postgres://x',
    ]);
    expect([status, stderr]).toEqual([2, expect.stringContaining('--since must be a time such as')]);
  });

  it.each([
    ['consumers show billing --limit 5', '--limit is for the events of a state'],
    ['consumers show billing --after 1/x', '--after is for the events of a state'],
    ['webhooks sources --days 401', '--days must be a whole number from 1 to 400'],
  ])('that would mean nothing is refused: %s', async (words, message) => {
    const { status, stderr } = await tried([...words.split(' '), '--database-url', 'postgres://x']);
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
