import { IntegrationError, type IntegrationErrorCode } from '../../errors.js';

/** How far a request came that was refused. */
export const REFUSED_STEPS = [
  'source',
  'endpoint',
  'size',
  'raw-body',
  'header',
  'signature',
  'timestamp',
  'repeated-body',
  'payload',
  'paused',
] as const;

export type RefusedStep = (typeof REFUSED_STEPS)[number];

const CODES: { readonly [S in RefusedStep]: IntegrationErrorCode } = {
  source: 'INTEGRATION_WEBHOOK_SOURCE_UNKNOWN',
  endpoint: 'INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN',
  size: 'INTEGRATION_WEBHOOK_TOO_LARGE',
  'raw-body': 'INTEGRATION_WEBHOOK_RAW_BODY_MISSING',
  header: 'INTEGRATION_WEBHOOK_HEADER',
  signature: 'INTEGRATION_WEBHOOK_SIGNATURE',
  timestamp: 'INTEGRATION_WEBHOOK_TIMESTAMP',
  'repeated-body': 'INTEGRATION_WEBHOOK_REPEATED',
  payload: 'INTEGRATION_WEBHOOK_PAYLOAD_INVALID',
  paused: 'INTEGRATION_WEBHOOK_ENDPOINT_PAUSED',
};

/** The error for a request that is refused at this step. Its message goes to the sender. */
export function refusal(step: RefusedStep, source: string, message: string): IntegrationError {
  return new IntegrationError(CODES[step], `${message}`, { source, step });
}

/** The step at which a request was refused. Undefined for any other error. */
export function refusedStepOf(error: unknown): RefusedStep | undefined {
  if (!(error instanceof IntegrationError)) return undefined;
  return REFUSED_STEPS.find((step) => CODES[step] === error.code);
}

export function tooLarge(source: string, maxBodyBytes: number): IntegrationError {
  return refusal('size', source, `The body has more than ${maxBodyBytes} bytes`);
}

export function rawBodyMissing(source: string): IntegrationError {
  return refusal(
    'raw-body',
    source,
    'The bytes of the body are gone, because something read it before, so no signature can be verified. Let nothing read bodies before the routes of webhooks, or keep the bytes as a Buffer in request.rawBody; an application with routes of its own for webhooks is made with { rawBody: true }',
  );
}

export function bodyRepeated(source: string): IntegrationError {
  return refusal('repeated-body', source, 'The same body was accepted before under another id');
}

/** There is nothing at the address of a request. */
export function nothingHere(source: string): IntegrationError {
  return refusal('source', source, 'There is no webhook source at this address');
}

/** The answer to a GET, whether or not there is something at its address. */
export function nothingToGet(source: string): IntegrationError {
  return refusal('source', source, 'There is nothing to get at this address. Deliveries are sent by POST');
}

/** What the sender is told of a refusal. Of an address it is not told how much of it is right. */
export function toldOf(error: unknown): { step: RefusedStep; code: string; message: string } | undefined {
  const step = refusedStepOf(error);
  if (step === undefined) return undefined;
  if (step === 'endpoint') return toldOf(nothingHere(''));
  const { code, message } = error as IntegrationError;
  return { step, code, message };
}

/** Said only to a sender whose request is verified. */
export function endpointPaused(source: string): IntegrationError {
  return refusal('paused', source, 'The endpoint is paused. Send the delivery again later');
}
