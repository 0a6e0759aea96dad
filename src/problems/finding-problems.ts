import type { Finding } from '../maintenance/finding.js';
import type { Problem } from './problem.js';
import { count } from './texts.js';

const NAMED = 5;
/** What the states of the consumers say already, each as a problem of its own. */
const SAID_OF_CONSUMERS: ReadonlySet<string> = new Set(['orphaned-consumer', 'unserved-consumer']);
const SEVERITIES = ['critical', 'warning', 'info'] as const;

/** The findings of the doctor, one problem for each check. Its worst finding stands for the others. */
export function problemsOfFindings(findings: readonly Finding[]): Problem[] {
  const byCheck = new Map<string, Finding[]>();
  for (const finding of findings) {
    if (SAID_OF_CONSUMERS.has(finding.check)) continue;
    const alike = byCheck.get(finding.check);
    if (alike === undefined) byCheck.set(finding.check, [finding]);
    else alike.push(finding);
  }
  return [...byCheck.values()].flatMap(problemOf);
}

function problemOf(findings: readonly Finding[]): Problem[] {
  const [worst] = [...findings].sort((a, b) => rankOf(a) - rankOf(b));
  if (worst === undefined) return [];
  const names = findings.flatMap(({ details: { consumerName } }) =>
    typeof consumerName === 'string' ? consumerName : [],
  );
  const consumers = [...new Set(names)].sort();
  const times = findings.flatMap(({ since }) => since?.getTime() ?? []);
  const others = findings.length - 1;
  const finding = worst.finding.replace(/\.$/, '');
  return [
    {
      key: `finding/${worst.check}`,
      kind: 'finding',
      severity: worst.severity,
      says: others === 0 ? finding : `${finding}; and ${count(others)} more like it`,
      since: times.length === 0 ? null : new Date(Math.min(...times)),
      consumers: { count: consumers.length, first: consumers.slice(0, NAMED) },
      fingerprint: null,
      check: worst.check,
      deadLetters: null,
      perMinute: null,
      trend: null,
      minutes: [],
      changedBefore: [],
    },
  ];
}

function rankOf({ severity }: Finding): number {
  return SEVERITIES.indexOf(severity);
}
