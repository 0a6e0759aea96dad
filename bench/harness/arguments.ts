import { parseArgs } from 'node:util';

export interface BenchArguments {
  quick: boolean;
  /** Names of scenarios; empty means all. */
  only: string[];
  /** Where the figures go. */
  json?: string;
  /** Write CPU profiles of the measured drains to bench/results. */
  profile: boolean;
  /** Put tables and charts of this run into docs/performance.md. */
  docs: boolean;
  list: boolean;
}

export const USAGE = `npm run bench -- [options]

  --quick        smaller sizes, only the rivals that can be the best, no charts; under three minutes
  --only NAME    one scenario; may be given several times
  --json FILE    write the figures
  --profile      write CPU profiles of this project's drains to bench/results and print where the time went
  --docs         put the tables and charts of this run into docs/performance.md: all, or those of the chosen scenarios
  --list         name the scenarios and what they promise`;

/** Throws with a sentence for the user where the command line makes no sense. */
export function parseBenchArguments(args: string[], scenarios: readonly string[]): BenchArguments {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      profile: { type: 'boolean', default: false },
      docs: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  const unknown = values.only.filter((name) => !scenarios.includes(name));
  if (unknown.length > 0)
    throw new Error(`no scenario is called ${unknown.join(', ')}; there are: ${scenarios.join(', ')}`);
  return { ...values, ...(values.json === undefined ? {} : { json: values.json }) } as BenchArguments;
}
