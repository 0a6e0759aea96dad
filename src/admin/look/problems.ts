import { Injectable } from '@nestjs/common';
import type { ProblemList, ProblemRequest } from '../../problems/problem.js';
import { ProblemService } from '../../problems/problem.service.js';
import { SharedLooks } from './shared-looks.js';

/** Looks at what is wrong. */
@Injectable()
export class ProblemsLook {
  private readonly looks = new SharedLooks<ProblemList>();

  constructor(private readonly problems: ProblemService) {}

  latest(request: ProblemRequest): Promise<ProblemList> {
    return this.looks.latest(JSON.stringify(request), () => this.problems.list(request));
  }

  forget(): void {
    this.looks.forget();
  }
}
