import type { RawWebhookRequest } from './raw-request.js';

/** What a scheme finds in a request. `step` says how far it came. */
export type Verification =
  | {
      readonly ok: true;
      /** The place of the secret that matched in the source's list, from 0 on. */
      readonly secret: number;
      /** When the sender signed, if it signs that. */
      readonly signedAt?: Date | undefined;
      /** The request is not good before and after these times. */
      readonly notBefore?: Date | undefined;
      readonly notAfter?: Date | undefined;
      /**
       * What the signature covers, where one content can be written in several ways, such as the decoded
       * fields of a form. A repeated body is found by its hash. Default: the bytes of the body.
       */
      readonly covers?: string | Buffer | undefined;
    }
  | {
      readonly ok: false;
      readonly step: 'header' | 'signature';
      /** One sentence for the sender. It holds nothing of a secret, and not what was expected. */
      readonly problem: string;
    };

/** One way to see that a request comes from whom it says, and that it is as it was sent. */
export interface SignatureScheme {
  /** For messages, such as `stripe v1`. */
  readonly name: string;
  /**
   * Whether the signature holds a time. If it does not, a captured request is good for ever, so the source
   * looks whether the body came before.
   */
  readonly signsTime: boolean;
  /** Whether the URL is signed. The module then needs `publicUrl`. */
  readonly signsUrl?: boolean | undefined;
  /**
   * What the scheme takes as a secret, such as `hmac`. Schemes of one kind share the secrets of their source;
   * a secret never goes to schemes of two kinds. `none` is for a scheme that takes no secrets. Default: the
   * name, so the scheme shares with no other one.
   */
  readonly secretKind?: string | undefined;
  /**
   * The secrets that belong to this scheme alone. It gets no other ones then. `verify: [{ scheme, secrets }]`
   * of a source sets it.
   */
  readonly ownSecrets?: readonly string[] | undefined;
  /**
   * What is wrong with a secret of the source, in words, or undefined. It is asked when the module is made.
   */
  problemOfSecret?(secret: string): string | undefined;
  /**
   * Why this secret can be guessed, in words, or undefined. It is asked when a secret is given. One that is
   * stored already stays in force.
   */
  weaknessOfSecret?(secret: string): string | undefined;
  /**
   * Whether this secret is a public key of the scheme. Everybody may know such a key, so no scheme of another
   * kind ever gets it.
   */
  isPublicKey?(secret: string): boolean;
  /** Looks at the signature. Whether its time is right is judged by the caller. */
  verify(request: RawWebhookRequest, secrets: readonly string[]): Verification | Promise<Verification>;
}

/** A scheme of a source with secrets of its own. */
export interface SchemeWithSecrets {
  readonly scheme: SignatureScheme;
  readonly secrets: string | readonly string[];
}

/** A header that the scheme needs is missing, or cannot be read. */
export function headerProblem(problem: string): Verification {
  return { ok: false, step: 'header', problem };
}

export const NO_MATCH: Verification = {
  ok: false,
  step: 'signature',
  problem: 'The signature does not fit the request and any secret of this source',
};
