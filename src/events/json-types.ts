/**
 * Stands in the place of a type that cannot be published. No value fits it, and the compiler's message shows
 * the reason.
 */
export interface NotJson<Reason extends string> {
  readonly notJson: Reason;
}

// biome-ignore lint/suspicious/noExplicitAny: whatever it holds or takes
type Any = any;

/**
 * Types that JSON would empty or write as something else. Publishing refuses their values at run time as
 * well.
 */
type Emptied =
  | ReadonlyMap<Any, Any>
  | ReadonlySet<Any>
  | PromiseLike<unknown>
  | RegExp
  | ArrayBuffer
  | ArrayBufferView;

type Scalar = string | number | boolean | null;
type AnyFunction = (...given: Any[]) => unknown;

/**
 * The type of a payload where it is published. It is the type itself if JSON can hold it; otherwise a
 * `NotJson` stands in each place that JSON cannot hold. Methods are ignored, because a class instance is
 * published by its fields.
 */
export type Publishable<T> = T extends Checked<T> ? T : Checked<T>;

type Checked<T> = T extends Scalar | undefined
  ? T
  : T extends bigint
    ? NotJson<'a bigint: declare a string and publish String(value)'>
    : T extends symbol
      ? NotJson<'a symbol'>
      : T extends AnyFunction
        ? T
        : T extends Emptied
          ? NotJson<'a Map, Set, Promise, RegExp or binary data: declare an object, an array or a string'>
          : T extends { toJSON(): unknown }
            ? T
            : T extends readonly unknown[]
              ? CheckedArray<T>
              : T extends object
                ? { [K in keyof T]: Checked<T[K]> }
                : T;

/**
 * Checks the members of a tuple one by one. A list, and an interface that is a list, is checked by its
 * elements.
 */
type CheckedArray<T extends readonly unknown[]> = number extends T['length']
  ? T extends unknown[]
    ? Checked<T[number]>[]
    : readonly Checked<T[number]>[]
  : { [K in keyof T]: Checked<T[K]> };

/**
 * What remains of a type after `JSON.parse(JSON.stringify(value))`. A handler receives this: a Date becomes a
 * string, a property that may be undefined becomes optional, and functions disappear. A type that JSON does
 * not change stays itself.
 */
export type Jsonify<T> = [T] extends [Stored<T>] ? ([Stored<T>] extends [T] ? T : Stored<T>) : Stored<T>;

type IsAny<T> = 0 extends 1 & T ? true : false;

type Stored<T> =
  IsAny<T> extends true
    ? T
    : T extends Scalar
      ? T
      : T extends undefined | bigint | symbol | AnyFunction | Emptied
        ? never
        : T extends { toJSON(): infer R }
          ? Stored<R>
          : T extends readonly unknown[]
            ? StoredArray<T>
            : T extends object
              ? StoredObject<T>
              : T;

type StoredArray<T extends readonly unknown[]> = number extends T['length']
  ? T extends unknown[]
    ? Stored<T[number]>[]
    : readonly Stored<T[number]>[]
  : { [K in keyof T]: Stored<T[K]> };

type StoredObject<T> = Flat<
  { [K in keyof T as KindOf<T[K], K> extends 'kept' ? K : never]: Stored<T[K]> } & {
    [K in keyof T as KindOf<T[K], K> extends 'optional' ? K : never]?: Stored<Exclude<T[K], undefined>>;
  }
>;

/** What JSON makes of a property. */
type KindOf<Value, Key> = Key extends symbol
  ? 'dropped'
  : unknown extends Value
    ? 'kept'
    : [Exclude<Value, undefined>] extends [never]
      ? [Value] extends [never]
        ? 'kept'
        : 'dropped'
      : Exclude<Value, undefined> extends AnyFunction | symbol
        ? 'dropped'
        : undefined extends Value
          ? 'optional'
          : 'kept';

type Flat<T> = { [K in keyof T]: T[K] };
