import { appendFileSync } from 'node:fs';

/** Names the file that the lines go to. */
export const LINES_FILE = 'MUTANTS_RESULT_LINES';

/** What Jest says of a test as it ends. */
interface TestCaseResult {
  readonly title: string;
  /** With the titles of the groups around it. */
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages: readonly string[];
}

/** A line of the file: a test that has ended, or the end of the run. */
export type ResultLine = TestCaseResult | { readonly isEnd: true };

/**
 * A reporter that writes down each test as it ends. A test that fails may leave something behind that keeps
 * the run from ending, a connection to a server that is silent for example. It has failed all the same, and
 * Jest's own report, which is written at the end, would not say so.
 */
export default class ResultLines {
  onTestCaseResult(_test: unknown, { title, fullName, status, failureMessages }: TestCaseResult): void {
    write({ title, fullName, status, failureMessages });
  }

  onRunComplete(): void {
    write({ isEnd: true });
  }
}

function write(line: ResultLine): void {
  const file = process.env[LINES_FILE];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`);
}
