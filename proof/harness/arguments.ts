import { parseArgs } from 'node:util';

export interface ProofArguments {
  size: 'short' | 'long';
  seed: number;
  /** Names of scenarios; empty means all. */
  only: string[];
  /** Where the figures go. */
  json?: string;
  /** Events of scenarios that are measured in events. */
  events?: number;
  /** Events a second of scenarios that publish steadily. */
  rate?: number;
  /** Length of scenarios that are measured in time. */
  seconds?: number;
  /** Keep journals and logs of the processes of a run that is well, too. */
  keep: boolean;
  list: boolean;
}

export const USAGE = `npm run proof -- [options]

  --short             about seven minutes (default)
  --long              the full sizes: about 40 minutes
  --only NAME,NAME    some scenarios; may be given several times
  --seed N            what is random repeats with it (default 1)
  --events N          events of the scenario "kill" (short 6000, long 100000), sequences of "interleavings"
  --rate N            events a second of "long-writer" and "soak"
  --seconds N         length of "long-writer" and "soak"
  --json FILE         write the figures
  --keep              keep the journals and logs of the processes
  --list              name the scenarios and what they show`;

/** Throws with a sentence for the user where the command line makes no sense. */
export function parseProofArguments(args: string[], scenarios: readonly string[]): ProofArguments {
  const { values } = parseArgs({
    args,
    options: {
      short: { type: 'boolean', default: false },
      long: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      events: { type: 'string' },
      rate: { type: 'string' },
      seconds: { type: 'string' },
      keep: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  if (values.short && values.long) throw new Error('--short and --long exclude each other');
  const only = values.only.flatMap((names) => names.split(',')).filter((name) => name !== '');
  const unknown = only.filter((name) => !scenarios.includes(name));
  if (unknown.length > 0)
    throw new Error(`no scenario is called ${unknown.join(', ')}; there are: ${scenarios.join(', ')}`);
  return {
    size: values.long ? 'long' : 'short',
    seed: count('seed', values.seed),
    only,
    keep: values.keep,
    list: values.list,
    ...(values.json === undefined ? {} : { json: values.json }),
    ...(values.events === undefined ? {} : { events: count('events', values.events) }),
    ...(values.rate === undefined ? {} : { rate: count('rate', values.rate) }),
    ...(values.seconds === undefined ? {} : { seconds: count('seconds', values.seconds) }),
  };
}

function count(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${option} must be a whole number above 0`);
  return value;
}
