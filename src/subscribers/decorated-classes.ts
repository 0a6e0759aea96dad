import { Logger } from '@nestjs/common';

const CHECK_MS = 10_000;
/** The check is repeated this many times, because a boot may wait for its database. */
const MOST_CHECKS = 30;
const MOST_NAMED = 5;
/**
 * All copies of the package share this key, because the module of one copy may read a decorator of another.
 */
const KEY = Symbol.for('nestjs-integration:decorated-classes:1');

interface Decorated {
  /** A weak reference, because nothing else may use the class any more. */
  readonly prototype: WeakRef<object>;
  readonly place: string;
}

/**
 * Knows which classes have decorated methods, and whether the engine has found them. A decorator alone does
 * nothing: IntegrationModule must be imported, and the class must be a provider. If one of these is
 * forgotten, nothing else would say so. So this class checks once, a while after the classes were loaded. Two
 * kinds of processes get no warning: a script that loads such classes and ends within seconds, and a test
 * run, whose files load them without an application.
 */
export class DecoratedClasses {
  private readonly logger = new Logger('IntegrationModule');
  private decorated: Decorated[] = [];
  private readonly provided = new WeakSet<object>();
  private isModuleMade = false;
  private isExplored = false;
  private checks = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly checkMs: number | undefined) {}

  /** Notes that a method was decorated. */
  noteClass(prototype: object, name: string | symbol): void {
    const place = `${prototype.constructor?.name ?? 'an object'}.${String(name)}`;
    this.decorated.push({ prototype: new WeakRef(prototype), place });
    this.checks = 0;
    this.schedule();
  }

  /** Notes that `forRoot` or `forRootAsync` was called. */
  moduleMade(): void {
    this.isModuleMade = true;
  }

  /** Notes that the providers of an application were searched. */
  explored(prototypes: Iterable<object>): void {
    this.isExplored = true;
    for (const each of prototypes) {
      for (let owner: object | null = each; owner !== null; owner = Object.getPrototypeOf(owner))
        this.provided.add(owner);
    }
  }

  /** Warns of decorated classes that the engine has not found. Each class is checked once. */
  check(): void {
    if (this.isModuleMade && !this.isExplored) {
      if (++this.checks < MOST_CHECKS) this.schedule();
      return;
    }
    const forgotten = this.decorated.filter(({ prototype }) => {
      const known = prototype.deref();
      return known !== undefined && !this.provided.has(known);
    });
    this.decorated = [];
    if (forgotten.length > 0) this.logger.warn(this.textOf(forgotten.map(({ place }) => place)));
  }

  private textOf(places: readonly string[]): string {
    const others = places.length > MOST_NAMED ? ` and ${places.length - MOST_NAMED} more` : '';
    const named = `${places.slice(0, MOST_NAMED).join(', ')}${others}`;
    return this.isModuleMade
      ? `Nothing calls ${named}: the class is decorated, and no module of the application had it among its providers when it booted. Add the class to the providers of a module, and that module to the imports of the application.`
      : `Nothing calls ${named}: IntegrationModule is not part of this application. Add IntegrationModule.forRoot(…) to the imports of the root module.`;
  }

  private schedule(): void {
    if (this.checkMs === undefined || this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.check();
    }, this.checkMs).unref();
  }
}

/** The decorated classes of this process. */
export function decoratedClasses(): DecoratedClasses {
  const place = globalThis as { [KEY]?: DecoratedClasses };
  place[KEY] ??= new DecoratedClasses(process.env.NODE_ENV === 'test' ? undefined : CHECK_MS);
  return place[KEY];
}
