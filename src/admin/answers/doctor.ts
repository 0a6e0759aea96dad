import { FINDING_SEVERITIES } from '../../maintenance/finding.js';
import { ANY_OBJECT, list, named, object, oneOf, orNull, SCALAR, TEXT, TIME } from '../../rest/schema.js';

/** A call of a service that mends something. */
export const FINDING_ACTION = orNull(object({ service: TEXT, method: TEXT, arguments: list(SCALAR) }));

const Finding = object({
  key: TEXT,
  check: TEXT,
  severity: oneOf(FINDING_SEVERITIES),
  since: orNull(TIME),
  finding: TEXT,
  meaning: TEXT,
  fix: TEXT,
  action: FINDING_ACTION,
  details: ANY_OBJECT,
});

export const Examination = named(
  'Examination',
  object({
    schema: TEXT,
    at: TIME,
    findings: list(Finding),
    checked: list(TEXT),
    notChecked: list(object({ check: TEXT, reason: TEXT })),
  }),
);
