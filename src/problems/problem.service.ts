import type { ConsumerService } from '../changes/consumer.service.js';
import type { AdminDatabase } from '../database/admin-database.js';
import { ChangeHistoryService } from '../history/change-history.service.js';
import type { NotedChange } from '../history/noted-change.js';
import type { DoctorService } from '../maintenance/doctor.js';
import { rankOfSeverity } from '../maintenance/finding.js';
import { longRunning } from '../status/long-running.store.js';
import { checkCount, checkNames, checkText, invalidArgument } from '../words/argument-checks.js';
import { CauseStore } from './cause.store.js';
import { problemsOfConsumers } from './consumer-problems.js';
import { problemOfCause } from './dead-letter-problems.js';
import { ExaminationLook } from './examination-look.js';
import { problemsOfFindings } from './finding-problems.js';
import { problemOfLongRunning } from './long-running-problem.js';
import {
  PROBLEM_SOURCES,
  type Problem,
  type ProblemKind,
  type ProblemList,
  type ProblemRequest,
} from './problem.js';

const LISTED = 10;
const MOST_LISTED = 100;
const BEFORE_MS = 10 * 60_000;
const CHANGES = 5;
/** The most consumers at which attempts that run for long are looked for. */
const MOST_CONSUMERS = 10_000;
/** Who paused a consumer or changes its partitions is known. What happened before an orphan is days old. */
const WITHOUT_CHANGES: ReadonlySet<ProblemKind> = new Set(['paused', 'repartitioning', 'orphaned']);
/** How long an application waits for the first examination of the doctor. Its findings come later then. */
const DOCTOR_WAIT_MS = 500;
const NONE = { consumers: [], rates: undefined };

/**
 * Says what is wrong now, one problem for each cause: dead letters of one error at all consumers, consumers
 * that cannot work, and findings of the doctor. It says since when, how fast it goes on, and what was changed
 * shortly before. Every answer takes a bounded time, however many dead letters there are.
 */
export class ProblemService {
  private readonly causes: CauseStore;
  private readonly history: ChangeHistoryService;
  private readonly examinations: ExaminationLook;

  constructor(
    private readonly db: AdminDatabase,
    private readonly consumers: ConsumerService,
    doctor: DoctorService,
    doctorWaitMs: number = DOCTOR_WAIT_MS,
  ) {
    this.causes = new CauseStore(db);
    this.history = new ChangeHistoryService(db);
    this.examinations = new ExaminationLook(doctor, doctorWaitMs);
  }

  /**
   * Returns the worst problems, `limit` of them (1 to 100, default 10), and how many more there are. The
   * doctor examines at most once a minute for it.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid request
   */
  async list(request: ProblemRequest = {}): Promise<ProblemList> {
    const { consumerName, limit = LISTED, sources = PROBLEM_SOURCES } = checked(request);
    const looksAt = (source: (typeof PROBLEM_SOURCES)[number]) => sources.includes(source);
    const isMeant = (run: { readonly consumerName: string }) =>
      consumerName === undefined || run.consumerName === consumerName;
    const [{ consumers, rates }, running, causes, examination] = await Promise.all([
      looksAt('consumers') ? this.consumers.listWithRates({ consumerName }) : NONE,
      looksAt('consumers') ? longRunning(this.db, MOST_CONSUMERS) : [],
      looksAt('dead-letters') ? this.causes.list(limit, consumerName) : [],
      looksAt('doctor') && consumerName === undefined ? this.examinations.latest() : undefined,
    ]);
    const found = [
      ...problemsOfConsumers(consumers, rates),
      ...(running.some(isMeant) ? problemOfLongRunning(running) : []),
      ...causes.map(problemOfCause),
      ...problemsOfFindings(examination?.findings ?? []),
    ];
    const problems = found.sort(worstFirst).slice(0, limit);
    if (looksAt('changes'))
      for (const problem of problems) problem.changedBefore = await this.changesBefore(problem);
    const unlisted = Math.max(0, (causes[0]?.causes ?? 0) - causes.length);
    return {
      at: new Date(),
      problems,
      more: found.length - problems.length + unlisted,
      notChecked: examination?.notChecked ?? [],
    };
  }

  /** What was changed in the ten minutes before it began, the latest first. */
  private async changesBefore({ kind, since }: Problem): Promise<NotedChange[]> {
    if (since === null || WITHOUT_CHANGES.has(kind)) return [];
    const from = new Date(since.getTime() - BEFORE_MS);
    const { changes } = await this.history.list({ from, to: since, limit: CHANGES });
    return changes;
  }
}

function checked(request: ProblemRequest): ProblemRequest {
  checkNames('a field of a request', request, ['consumerName', 'limit', 'sources']);
  const { consumerName, limit, sources } = request;
  checkText('consumerName', consumerName, 127);
  if (limit !== undefined) checkCount('limit', limit, MOST_LISTED);
  for (const source of sources ?? [])
    if (!PROBLEM_SOURCES.includes(source))
      throw invalidArgument(`sources must be of ${PROBLEM_SOURCES.join(', ')}`, { field: 'sources' });
  return request;
}

function worstFirst(a: Problem, b: Problem): number {
  return (
    rankOfSeverity(a.severity) - rankOfSeverity(b.severity) ||
    Number(a.trend === 'over') - Number(b.trend === 'over') ||
    b.consumers.count - a.consumers.count ||
    (b.deadLetters?.estimate ?? 0) - (a.deadLetters?.estimate ?? 0) ||
    (a.key < b.key ? -1 : 1)
  );
}
