import type { Answer } from '../http/answer.js';
import type { Infer, Schema } from './schema.js';

/**
 * What the handler of a route returns if it answers what the schema says. The compiler compares both ways. A
 * property that only the answer has is as wrong as one that only the schema has, because clients are promised
 * that there are no others. It is anything if both are the same. Otherwise it is a text that no handler
 * returns, for the error.
 */
export type HeldTo<Said extends Schema<unknown>, Handler> = Held<Infer<Said>, AnswerOf<Handler>>;

type Held<Said, Answered> = [Differences<Said, Answered, 'answer'>] extends [never]
  ? unknown
  : `${Differences<Said, Answered, 'answer'>} is not as its schema says`;

// biome-ignore lint/suspicious/noExplicitAny: only any takes every handler
type AnswerOf<Handler> = Handler extends (...call: any[]) => infer Result
  ? Awaited<Result> extends Answer<infer Value>
    ? Value
    : Awaited<Result>
  : never;

/**
 * The places where an answer is another one than its schema says, `never` if there is none. What the schema
 * leaves open (any text, any object, any JSON) may be more narrow in the answer. A property that is undefined
 * counts as one that is absent, because JSON leaves it out.
 */
type Differences<Said, Answered, Place extends string> = unknown extends Said
  ? never
  : Same<Nothing<Said>, Nothing<Answered>> extends true
    ? DifferencesOfThere<NonNullable<Said>, NonNullable<Answered>, Place>
    : Place;

type DifferencesOfThere<Said, Answered, Place extends string> = [Said] extends [Leaf]
  ? DifferencesOfLeaf<Said, Answered, Place>
  : [Said] extends [readonly (infer SaidItem)[]]
    ? [Answered] extends [readonly (infer Item)[]]
      ? Differences<SaidItem, Item, `${Place}[]`>
      : Place
    : [Answered] extends [Leaf | readonly unknown[]]
      ? Place
      : string extends keyof Said
        ? Differences<Said[keyof Said], Answered[keyof Answered], `${Place}[…]`>
        : DifferencesOfObject<Said, Answered, Place>;

type DifferencesOfLeaf<Said, Answered, Place> = [Answered] extends [Said]
  ? Same<Said, Answered> extends true
    ? never
    : Same<Said, string> extends true
      ? never
      : Place
  : Place;

type DifferencesOfObject<Said, Answered, Place extends string> = {
  [Name in (KeyOf<Said> | KeyOf<Answered>) & string]-?: Name extends KeyOf<Said> & KeyOf<Answered>
    ? Differences<Said[Name & keyof Said], Answered[Name & keyof Answered], `${Place}.${Name}`>
    : `${Place}.${Name}`;
}[(KeyOf<Said> | KeyOf<Answered>) & string];

type Leaf = string | number | boolean | Date;
type Nothing<T> = Extract<T, null | undefined>;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
/** Of a union, the keys of each of its members. */
type KeyOf<T> = T extends unknown ? keyof T : never;
