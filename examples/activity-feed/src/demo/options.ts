import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** Worker processes beside the one that takes the webhooks; 0: one process does everything. */
  processes: number;
  /** How often the set of deliveries is sent, with new delivery ids each time. */
  repeat: number;
  /** Chooses which calls the receiver refuses. */
  seed: number;
  /** Keep running after the checks. */
  serve: boolean;
  /** Where the figures are written. */
  json: string | undefined;
}

export const USAGE = `npm run demo -- [options]

  --processes N   run the handlers in N worker processes and kill one of them on the way
  --repeat N      send the 329 deliveries N times (default 1)
  --seed N        choose other calls for the receiver to refuse (default 1)
  --serve         keep running afterwards, and print the URLs
  --json FILE     write the figures to FILE
  --help          this text

DATABASE_URL names a Postgres to use; without it the demo starts one of its own.`;

/** Wrong use; the message says how. */
export class UsageError extends Error {}

/** Undefined when the help is wanted. */
export function readOptions(args: string[]): DemoOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  return {
    processes: whole('processes', values.processes, 0, 16),
    repeat: whole('repeat', values.repeat, 1, 1000),
    seed: whole('seed', values.seed, 0, 2 ** 32 - 1),
    serve: values.serve,
    json: values.json,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        processes: { type: 'string', default: '0' },
        repeat: { type: 'string', default: '1' },
        seed: { type: 'string', default: '1' },
        serve: { type: 'boolean', default: false },
        json: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function whole(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new UsageError(`--${option} takes a whole number from ${min} to ${max}, not "${text}"`);
}
