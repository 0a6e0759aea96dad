/*
 * Evaluates the part of PromQL that the alerts use, over scrapes whose times the test gives. What it does not know it refuses.
 *
 *   or < and, unless < > and < with a number < aggregations by labels, rate, increase, deriv, absent, series with matchers
 */

/** The values of one scrape, and the second at which it was made. */
export interface Scrape {
  readonly at: number;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

export type Labels = Readonly<Record<string, string>>;

/** A value with the labels that are left. */
export interface Result {
  readonly labels: Labels;
  readonly value: number;
}

type Points = { readonly labels: Labels; readonly points: readonly { at: number; value: number }[] }[];

const TOKEN = /\s*([A-Za-z_:][\w:]*|\d+(?:\.\d+)?[smhd]?|"[^"]*"|!=|=|[(){}[\],<>])/gy;

/** The value of an expression at the time of the last scrape. An alert is pending or firing if it is not empty. */
export function evaluate(expression: string, scrapes: readonly Scrape[]): Result[] {
  const parser = new Evaluation(tokensOf(expression), scrapes);
  return parser.all();
}

export function samplesOf(text: string): Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, name = '', inner = '', value = ''] = /^([\w:]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const labels = [...inner.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)];
    return {
      name,
      value: Number(value),
      labels: Object.fromEntries(labels.map(([, label = '', given = '']) => [label, given])),
    };
  });
}

function tokensOf(expression: string): string[] {
  const tokens = [...expression.matchAll(TOKEN)].map(([, token = '']) => token);
  if (tokens.join('') !== expression.replaceAll(/\s+(?=(?:[^"]*"[^"]*")*[^"]*$)/g, ''))
    throw new Error(`not understood: ${expression}`);
  return tokens;
}

class Evaluation {
  private place = 0;

  constructor(
    private readonly tokens: readonly string[],
    private readonly scrapes: readonly Scrape[],
  ) {}

  all(): Result[] {
    const result = this.either();
    if (this.place < this.tokens.length) throw new Error(`not understood: ${this.tokens[this.place]}`);
    return result;
  }

  private either(): Result[] {
    let left = this.both();
    while (this.took('or')) left = [...left, ...without(this.both(), left)];
    return left;
  }

  private both(): Result[] {
    let left = this.compared();
    for (;;) {
      if (this.took('and')) {
        const right = this.compared();
        left = without(left, without(left, right));
      } else if (this.took('unless')) left = without(left, this.compared());
      else return left;
    }
  }

  private compared(): Result[] {
    const left = this.term();
    const [isMore, isLess] = [this.took('>'), this.took('<')];
    if (!isMore && !isLess) return left;
    const bound = Number(this.next());
    return left.filter(({ value }) => (isMore ? value > bound : value < bound));
  }

  private term(): Result[] {
    const name = this.next();
    if (name === 'max' || name === 'sum') return this.aggregated(name);
    if (name === 'absent') return this.absent();
    if (name === 'rate' || name === 'increase' || name === 'deriv') return this.overTime(name);
    const last = this.scrapes.at(-1)?.at ?? 0;
    return this.series(name).flatMap(({ labels, points }) =>
      points.filter(({ at }) => at === last).map(({ value }) => ({ labels, value })),
    );
  }

  private aggregated(by: 'max' | 'sum'): Result[] {
    const names = this.took('by') ? this.list() : [];
    const groups = new Map<string, Result>();
    for (const { labels, value } of this.inParentheses()) {
      const kept = Object.fromEntries(Object.entries(labels).filter(([label]) => names.includes(label)));
      const key = keyOf(kept);
      const known = groups.get(key)?.value;
      const result = known === undefined ? value : by === 'max' ? Math.max(known, value) : known + value;
      groups.set(key, { labels: kept, value: result });
    }
    return [...groups.values()];
  }

  private absent(): Result[] {
    return this.inParentheses().length === 0 ? [{ labels: {}, value: 1 }] : [];
  }

  /** Prometheus extrapolates to the ends of the window as well. That changes the number, and not whether it is zero. */
  private overTime(how: 'rate' | 'increase' | 'deriv'): Result[] {
    this.expect('(');
    const series = this.series(this.next(), true);
    this.expect(')');
    return series.flatMap(({ labels, points }) => {
      const [first, last] = [points[0], points.at(-1)];
      if (first === undefined || last === undefined || last.at === first.at) return [];
      const change = last.value - first.value;
      return [{ labels, value: how === 'increase' ? change : change / (last.at - first.at) }];
    });
  }

  /** The values of a series, of all scrapes or of those within the window behind its name. */
  private series(name: string, hasWindow = false): Points {
    const matchers = this.took('{') ? this.matchers() : [];
    let from = Number.NEGATIVE_INFINITY;
    if (hasWindow) {
      this.expect('[');
      from = (this.scrapes.at(-1)?.at ?? 0) - secondsOf(this.next());
      this.expect(']');
    }
    const found = new Map<string, { labels: Labels; points: { at: number; value: number }[] }>();
    for (const { at, samples } of this.scrapes.filter((each) => each.at >= from))
      for (const sample of samples) {
        if (sample.name !== name || !matchers.every((matches) => matches(sample.labels))) continue;
        const known = found.get(keyOf(sample.labels)) ?? { labels: sample.labels, points: [] };
        known.points.push({ at, value: sample.value });
        found.set(keyOf(sample.labels), known);
      }
    return [...found.values()];
  }

  private matchers(): ((labels: Labels) => boolean)[] {
    const all: ((labels: Labels) => boolean)[] = [];
    do {
      const [label, operator, quoted] = [this.next(), this.next(), this.next()];
      const value = quoted.slice(1, -1);
      all.push((labels) => ((labels[label] ?? '') === value) === (operator === '='));
    } while (this.took(','));
    this.expect('}');
    return all;
  }

  private list(): string[] {
    this.expect('(');
    const all = [this.next()];
    while (this.took(',')) all.push(this.next());
    this.expect(')');
    return all;
  }

  private inParentheses(): Result[] {
    this.expect('(');
    const result = this.either();
    this.expect(')');
    return result;
  }

  private next(): string {
    const token = this.tokens[this.place++];
    if (token === undefined) throw new Error('the expression ends too early');
    return token;
  }

  private took(token: string): boolean {
    if (this.tokens[this.place] !== token) return false;
    this.place++;
    return true;
  }

  private expect(token: string): void {
    const found = this.next();
    if (found !== token) throw new Error(`${token} was expected, not ${found}`);
  }
}

/** Those whose labels none of the others has. */
function without(results: readonly Result[], others: readonly Result[]): Result[] {
  const keys = new Set(others.map(({ labels }) => keyOf(labels)));
  return results.filter(({ labels }) => !keys.has(keyOf(labels)));
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort());
}

function secondsOf(duration: string): number {
  const unit = { s: 1, m: 60, h: 3_600, d: 86_400 }[duration.at(-1) ?? ''];
  if (unit === undefined) throw new Error(`not a duration: ${duration}`);
  return Number(duration.slice(0, -1)) * unit;
}
