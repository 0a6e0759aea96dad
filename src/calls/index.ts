export type { NetworkRules } from '../http/network-rules.js';
export type { CreatedCall, NewExternalCall, RequestOf } from '../module/call-maker.js';
export { CallEvent, type CallEvents, type ResultOf } from './call-events.js';
export { type CallAnswer, CallHttp, type CallRequest, OutcomeUnknownError } from './call-http.js';
export type { ReportedCall, WhichCall } from './call-reporting.js';
export { type CallSettings, callSettings } from './call-settings.js';
export type {
  CallContext,
  CallOf,
  CallPolling,
  ExternalCallHandler,
  ExternalCallTypeOptions,
  UnknownOutcome,
} from './call-type.js';
export { CallsModule } from './calls.module.js';
export type { CallsModuleOptions } from './calls-options.js';
export { CALL_ERROR_CODES } from './error-codes.js';
export type {
  CallCaller,
  CallCount,
  CallCounts,
  CallError,
  CallFilter,
  CallPage,
  CallPageRequest,
  CallReport,
  CallStatus,
  CallSubject,
  CallUpdate,
  ExternalCall,
  ListedCall,
  ReportPhase,
} from './external-call.js';
export { ExternalCallType } from './external-call-type.decorator.js';
export {
  type CallOptions,
  type ChangeCallOptions,
  ExternalCallsService,
  type ReportOptions,
} from './external-calls.service.js';
