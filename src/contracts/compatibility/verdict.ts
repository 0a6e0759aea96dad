/** Whether each value that one schema allows is allowed by another one. */
export type Verdict =
  | { readonly kind: 'fits' }
  /** A value that `from` allows is refused by `to`. Both are in words. */
  | { readonly kind: 'breaks'; readonly path: string; readonly from: string; readonly to: string }
  /** The schemas use keywords of JSON Schema that are not judged. */
  | { readonly kind: 'unknown'; readonly path: string; readonly why: string };

export const FITS: Verdict = { kind: 'fits' };

export function breaks(path: string, from: string, to: string): Verdict {
  return { kind: 'breaks', path, from, to };
}

export function unknown(path: string, why: string): Verdict {
  return { kind: 'unknown', path, why };
}

/** All must fit. One that breaks is enough to break. */
export function all(verdicts: Iterable<Verdict>): Verdict {
  let worst: Verdict = FITS;
  for (const verdict of verdicts) {
    if (verdict.kind === 'breaks') return verdict;
    if (worst.kind === 'fits') worst = verdict;
  }
  return worst;
}

/** The values of `from` are fewer than was looked at, so a value that breaks may not be among them. */
export function unlessBroken(verdict: Verdict, why: string): Verdict {
  return verdict.kind === 'breaks' ? unknown(verdict.path, why) : verdict;
}

/** The values that `to` allows are fewer than was looked at, so one that fits may not be among them. */
export function unlessFit(verdict: Verdict, path: string, why: string): Verdict {
  return verdict.kind === 'fits' ? unknown(path, why) : verdict;
}
