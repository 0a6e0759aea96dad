import { Injectable } from '@nestjs/common';

/** Whether the application has begun to close. Nothing takes it back. */
@Injectable()
export class Closing {
  private begun = false;

  get hasBegun(): boolean {
    return this.begun;
  }

  begin(): void {
    this.begun = true;
  }
}
