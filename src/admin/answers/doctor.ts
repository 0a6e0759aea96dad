import { FINDING_SEVERITIES } from '../../maintenance/finding.js';
import { ANY_OBJECT, list, named, object, oneOf, orNull, SCALAR, TEXT, TIME } from './schema.js';

const Finding = object({
  key: TEXT,
  check: TEXT,
  severity: oneOf(FINDING_SEVERITIES),
  since: orNull(TIME),
  finding: TEXT,
  meaning: TEXT,
  fix: TEXT,
  action: orNull(object({ service: TEXT, method: TEXT, arguments: list(SCALAR) })),
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
