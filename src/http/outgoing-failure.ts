import { AddressRefused, NameUnresolved } from './judged-addresses.js';
import type { OutgoingFailureKind } from './outgoing-answer.js';
import { ProxyFailed, TunnelRefused } from './proxy-tunnel.js';

/** How far a request has come. */
export type OutgoingPhase = 'connecting' | 'waiting' | 'reading';

export interface OutgoingFailure {
  readonly kind: OutgoingFailureKind;
  readonly message: string;
}

const KINDS: readonly (readonly [type: new (...args: never) => Error, kind: OutgoingFailureKind])[] = [
  [AddressRefused, 'refused'],
  [NameUnresolved, 'dns'],
  [ProxyFailed, 'proxy'],
  [TunnelRefused, 'connect'],
];

/** What is said of errors of Node. Their own texts have addresses. */
const SENTENCES: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'Nobody takes connections there'],
  ['ENETUNREACH', 'There is no way to this network'],
  ['EHOSTUNREACH', 'There is no way to this host'],
  ['ETIMEDOUT', 'Nobody answered when the connection was made'],
  ['HPE_HEADER_OVERFLOW', 'The head of the answer is too large'],
  ['CERT_HAS_EXPIRED', 'The certificate has expired'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'The certificate is for another name'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'The certificate is signed by itself'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'The certificate comes from an authority that is not trusted'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'The certificate comes from an authority that is not trusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'The certificate comes without that of its authority'],
]);
const RESETS: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

const DEADLINES: { readonly [P in OutgoingPhase]: string } = {
  connecting: 'no connection',
  waiting: 'no head of an answer',
  reading: 'an answer that did not end',
};

export function deadlineFailure(phase: OutgoingPhase, ms: number): OutgoingFailure {
  return { kind: 'timeout', message: `There was ${DEADLINES[phase]} within ${ms} ms` };
}

export const RESET: OutgoingFailure = {
  kind: 'reset',
  message: 'The connection was ended before the answer was whole',
};

/** @param isSecured whether TLS was to be spoken, and nothing was sent yet */
export function failureOf(error: Error, phase: OutgoingPhase, isSecured: boolean): OutgoingFailure {
  const known = KINDS.find(([type]) => error instanceof type);
  if (known !== undefined) return { kind: known[1], message: error.message };
  const code = String((error as NodeJS.ErrnoException).code ?? 'unknown');
  if (RESETS.has(code)) return { ...RESET, message: `${RESET.message} (${code})` };
  if (code.startsWith('HPE_'))
    return { kind: 'protocol', message: sentenceOf(code, 'What came is no answer of HTTP') };
  if (phase !== 'connecting') return { kind: 'reset', message: sentenceOf(code, RESET.message) };
  // Connections fail by errors of the system, which have numbers. Everything else is said of TLS.
  const isOfSystem = (error as NodeJS.ErrnoException).syscall !== undefined || 'errors' in error;
  return isSecured && !(isOfSystem && code !== 'EPROTO')
    ? { kind: 'tls', message: sentenceOf(code, 'No secure connection could be agreed on') }
    : { kind: 'connect', message: sentenceOf(code, 'No connection could be made') };
}

function sentenceOf(code: string, otherwise: string): string {
  return `${SENTENCES.get(code) ?? otherwise} (${code})`;
}
