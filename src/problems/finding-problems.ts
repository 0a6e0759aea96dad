import { type Finding, rankOfSeverity } from '../maintenance/finding.js';
import { wholeText } from '../words/number-text.js';
import { otherProblem } from './other-problem.js';
import type { Problem } from './problem.js';

/** What the states of the consumers say already, each as a problem of its own. */
const SAID_OF_CONSUMERS: ReadonlySet<string> = new Set(['orphaned-consumer', 'unserved-consumer']);

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
  const [worst] = [...findings].sort((a, b) => rankOfSeverity(a.severity) - rankOfSeverity(b.severity));
  if (worst === undefined) return [];
  const names = findings.flatMap(({ details: { consumerName } }) =>
    typeof consumerName === 'string' ? consumerName : [],
  );
  const consumers = [...new Set(names)].sort();
  const others = findings.length - 1;
  const finding = worst.finding.replace(/\.$/, '');
  return [
    otherProblem({
      key: `finding/${worst.check}`,
      kind: 'finding',
      severity: worst.severity,
      says: others === 0 ? finding : `${finding}; and ${wholeText(others)} more like it`,
      check: worst.check,
      // What mends one of several does not mend the others.
      action: others === 0 ? worst.action : null,
      consumers,
      times: findings.map(({ since }) => since),
    }),
  ];
}
