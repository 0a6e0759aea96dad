import { sleep } from '../../harness/wait.js';
import { AdminApi, Watchers } from '../admin-api.js';
import { ADMINS_WITHIN, COUNT_STATEMENTS, FORGET_STATEMENTS, STATEMENTS } from '../ops-database.store.js';
import type { OpsCheck, OpsStage } from './ops-check.js';

const WATCHERS = 20;
const LOOK_SECONDS = 2;
/** Until what begins with a process is over. */
const SETTLES_MS = 5_000;

interface Counted {
  readonly statements: number;
  readonly looks: number;
  /** Sessions of admins that were in use. */
  readonly admins: number;
}

/** Statements of an idle process while nobody watches, while twenty do, and after they have left. */
export const watched: OpsCheck = {
  name: 'watched',
  shows: 'watched by 20: at most one more statement in 2 s a process; unwatched none',
  run: async (stage) => {
    const { database, processes, report, sizes } = stage;
    await database.query(COUNT_STATEMENTS);
    const consumers = [{ name: 'billing', eventNames: ['thing.*'], kind: 'counts' as const }];
    const application = processes.application({ databaseUrl: database.url, role: 'all', consumers });
    const api = await AdminApi.of(application);
    await sleep(SETTLES_MS);
    const before = await statementsWithin(stage);
    const watchers = await Watchers.open(api, WATCHERS);
    await sleep(LOOK_SECONDS * 1_000);
    const during = await statementsWithin(stage);
    await watchers.leave();
    await sleep(LOOK_SECONDS * 1_000);
    const after = await statementsWithin(stage);
    const looks = sizes.countedSeconds / LOOK_SECONDS;
    report.figure('watched-statements-in-2-s-unwatched', (before.statements + after.statements) / 2 / looks);
    report.figure('watched-statements-in-2-s-by-20', during.statements / looks);
    // Or the statements that are called looks would be others, and none of them would be counted.
    report.atLeast('watched-looks-while-watched', during.looks, looks - 1);
    // A window may begin and end so that one look more falls into it than its length says.
    report.atMost('watched-looks-in-2-s', during.looks / (looks + 1), 1);
    report.atMost(
      'watched-statements-more-in-2-s',
      (during.statements - (before.statements + after.statements) / 2) / (looks + 1),
      1,
    );
    report.exactly('watched-looks-unwatched', before.looks + after.looks, 0);
    // Whatever the statement is, the admin API has connections of its own, so none of it is overlooked.
    report.exactly('watched-sessions-in-use-unwatched', before.admins + after.admins, 0);
    report.atLeast('watched-sessions-in-use-while-watched', during.admins, 1);
    await processes.closeAll();
  },
};

async function statementsWithin({ database, sizes }: OpsStage): Promise<Counted> {
  await database.query(FORGET_STATEMENTS);
  await sleep(sizes.countedSeconds * 1_000);
  const [counted] = await database.query<Omit<Counted, 'admins'>>(STATEMENTS);
  const [used] = await database.query<{ sessions: number }>(ADMINS_WITHIN, [sizes.countedSeconds]);
  if (counted === undefined || used === undefined) throw new Error('the statements were not counted');
  return { ...counted, admins: used.sessions };
}
