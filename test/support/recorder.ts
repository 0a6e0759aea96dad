import { filter, firstValueFrom, ReplaySubject, take, toArray } from 'rxjs';

/** What happened, in order; tests wait for the next thing to happen instead of for time. */
export class Recorder<T> {
  readonly all: T[] = [];
  private readonly items = new ReplaySubject<T>();

  record(item: T): void {
    this.all.push(item);
    this.items.next(item);
  }

  /** The first `count`, as soon as there are so many. */
  first(count: number): Promise<T[]> {
    return firstValueFrom(this.items.pipe(take(count), toArray()));
  }

  /** Tells of everything that happens, also of what has happened already. */
  each(tell: (item: T) => unknown): void {
    this.items.subscribe((item) => void tell(item));
  }

  /** The first that matches, as soon as there is one. */
  find(matches: (item: T) => boolean): Promise<T> {
    return firstValueFrom(this.items.pipe(filter(matches)));
  }
}
