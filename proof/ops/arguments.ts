import { parseArgs } from 'node:util';

/** How much of everything. */
export interface OpsSizes {
  readonly full: boolean;
  /** Rows of the large database. */
  readonly events: number;
  readonly consumers: number;
  readonly dead: number;
  /** Events of a redrive in which a process is killed. */
  readonly redriven: number;
  /** Rounds of what is compared in turn. */
  readonly rounds: number;
  /** Events of a backlog whose draining is measured. */
  readonly drained: number;
  readonly drainRounds: number;
  /** Seconds for which statements are counted. */
  readonly countedSeconds: number;
}

export interface OpsArguments {
  readonly sizes: OpsSizes;
  readonly seed: number;
  readonly only: readonly string[];
  readonly json?: string;
  /** A folder with a built package whose drains are measured beside this one's. */
  readonly before?: string;
  readonly keep: boolean;
  readonly list: boolean;
}

const GATE: OpsSizes = {
  full: false,
  events: 200_000,
  consumers: 100,
  dead: 10_000,
  redriven: 3_000,
  rounds: 7,
  drained: 30_000,
  drainRounds: 1,
  countedSeconds: 8,
};
const FULL: OpsSizes = {
  full: true,
  events: 5_000_000,
  consumers: 100,
  dead: 100_000,
  redriven: 100_000,
  rounds: 12,
  drained: 400_000,
  drainRounds: 12,
  countedSeconds: 40,
};

export const OPS_USAGE = `npm run proof:ops -- [options]

  --full               the sizes for which the goals are set: about an hour
  --only NAME,NAME     some checks; may be given several times
  --events N           events of the large database (${GATE.events}; full ${FULL.events})
  --consumers N        its consumers (${GATE.consumers})
  --dead N             its dead letters (${GATE.dead}; full ${FULL.dead})
  --redriven N         events of the redrive in which a process is killed (${GATE.redriven}; full ${FULL.redriven})
  --rounds N           rounds of requests in turn (${GATE.rounds}; full ${FULL.rounds})
  --drained N          events of a drain (${GATE.drained}; full ${FULL.drained})
  --drain-rounds N     rounds of drains in turn (${GATE.drainRounds}; full ${FULL.drainRounds})
  --before FOLDER      a checkout of an earlier version in which \`npm run build\` was run: it is drained beside this one
  --seed N             what is random repeats with it (default 1)
  --json FILE          write the figures
  --keep               keep the logs of the processes
  --list               name the checks and what they show`;

/** Throws with a sentence for the user where the command line makes no sense. */
export function parseOpsArguments(args: string[], names: readonly string[]): OpsArguments {
  const number = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: {
      full: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      events: number,
      consumers: number,
      dead: number,
      redriven: number,
      rounds: number,
      drained: number,
      'drain-rounds': number,
      before: { type: 'string' },
      seed: { type: 'string', default: '1' },
      json: { type: 'string' },
      keep: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  const only = values.only.flatMap((given) => given.split(',')).filter((name) => name !== '');
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new Error(`no check is called ${unknown.join(', ')}; there are: ${names.join(', ')}`);
  const base = values.full ? FULL : GATE;
  const or = (name: string, text: string | undefined, otherwise: number) =>
    text === undefined ? otherwise : count(name, text);
  return {
    sizes: {
      ...base,
      events: or('events', values.events, base.events),
      consumers: or('consumers', values.consumers, base.consumers),
      dead: or('dead', values.dead, base.dead),
      redriven: or('redriven', values.redriven, base.redriven),
      rounds: or('rounds', values.rounds, base.rounds),
      drained: or('drained', values.drained, base.drained),
      drainRounds: or('drain-rounds', values['drain-rounds'], base.drainRounds),
    },
    only,
    seed: count('seed', values.seed),
    keep: values.keep,
    list: values.list,
    ...(values.json === undefined ? {} : { json: values.json }),
    ...(values.before === undefined ? {} : { before: values.before }),
  };
}

function count(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${option} must be a whole number above 0`);
  return value;
}
