export {
  IntegrationHealthIndicator,
  type IntegrationHealthResult,
  type LiveOptions,
  type ReadyOptions,
} from './integration-health-indicator.js';
