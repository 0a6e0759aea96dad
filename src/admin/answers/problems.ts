import { FINDING_SEVERITIES } from '../../maintenance/finding.js';
import { PROBLEM_KINDS, PROBLEM_TRENDS } from '../../problems/problem.js';
import { INTEGER, list, NUMBER, named, object, oneOf, orNull, TEXT, TIME } from '../../rest/schema.js';
import { NotedChange } from './changes.js';
import { EstimatedCount } from './counted.js';
import { FINDING_ACTION } from './doctor.js';

/** One cause, however many consumers have it. The types of the service say what each field means. */
const Trouble = named(
  'Trouble',
  object({
    key: TEXT,
    kind: oneOf(PROBLEM_KINDS),
    severity: oneOf(FINDING_SEVERITIES),
    says: TEXT,
    since: orNull(TIME),
    consumers: object({ count: INTEGER, first: list(TEXT) }),
    fingerprint: orNull(TEXT),
    check: orNull(TEXT),
    action: FINDING_ACTION,
    deadLetters: orNull(EstimatedCount),
    perMinute: orNull(NUMBER),
    trend: orNull(oneOf(PROBLEM_TRENDS)),
    minutes: list(INTEGER),
    changedBefore: list(NotedChange),
  }),
);

export const TroubleList = named(
  'TroubleList',
  object({
    at: TIME,
    problems: list(Trouble),
    more: INTEGER,
    notChecked: list(object({ check: TEXT, reason: TEXT })),
  }),
);
