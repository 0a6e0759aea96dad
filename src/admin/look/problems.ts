import { Injectable } from '@nestjs/common';
import type { ProblemList, ProblemRequest } from '../../problems/problem.js';
import { ProblemService } from '../../problems/problem.service.js';
import { LOOK_MS } from './overview.js';

/** Looks at what is wrong. Everybody who asks for the same within two seconds shares one look. */
@Injectable()
export class ProblemsLook {
  private readonly taken = new Map<string, { readonly at: number; readonly look: Promise<ProblemList> }>();

  constructor(private readonly problems: ProblemService) {}

  latest(request: ProblemRequest): Promise<ProblemList> {
    const now = performance.now();
    for (const [key, { at }] of this.taken) if (now - at >= LOOK_MS) this.taken.delete(key);
    const key = JSON.stringify(request);
    const shared = this.taken.get(key);
    if (shared !== undefined) return shared.look;
    const taken = { at: now, look: this.problems.list(request) };
    this.taken.set(key, taken);
    // A look that failed is not shared with later callers.
    taken.look.catch(() => {
      if (this.taken.get(key) === taken) this.taken.delete(key);
    });
    return taken.look;
  }
}
