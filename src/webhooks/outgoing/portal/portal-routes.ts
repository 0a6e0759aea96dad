import { choice, count, json, nullable, optional, position, text, time, uuid } from '../../../rest/field.js';
import { limit, reason } from '../../../rest/route.js';
import { DELIVERY_STATUSES } from '../destinations/delivery.js';
import { DESTINATION_FORMATS, DESTINATION_STATUSES } from '../destinations/destination.js';
import {
  eventTypes,
  MAX_IN_FLIGHT,
  ORDER,
  RATE,
  SECRET,
  SIGNING,
  TEST_TYPE,
  TIMEOUT,
  URL_FIELD,
} from '../destinations/destination-fields.js';
import {
  Delivery,
  DeliveryPage,
  Destination,
  DestinationPage,
  DestinationWithSecret,
  Done,
  EventTypes,
  Operation,
  TestAttempt,
} from './portal-answers.js';
import { portalRoute } from './portal-route.js';

const WEEK_MS = 604_800_000;

const after = 'The `next` of the page before. Leave it out for the first page.';
const pathFields = { id: uuid('The id of the destination.') };
const placeFields = { ...pathFields, position: position('The position of the delivery.') };
const operationFields = { id: uuid('The id of the operation.') };

/** How a destination is sent to. The application's own limits are the largest ones. */
const HOW = {
  filter: optional(json('Sends only events whose body contains this object. Null for all.')),
  format: optional(choice('The form of the body, standard by default.', DESTINATION_FORMATS)),
  headers: optional(
    json('Headers that are sent with each request, by their names. They take the place of all before them.'),
  ),
  order: ORDER,
  ratePerSecond: optional(nullable(RATE)),
  maxInFlight: optional(nullable(MAX_IN_FLIGHT)),
  timeoutMs: optional(nullable(TIMEOUT)),
};

/** How an operation is worked off. */
const WORK = {
  maxEvents: optional(
    count('The largest number of deliveries, the oldest first.', 1, Number.MAX_SAFE_INTEGER),
  ),
  rate: optional(count('The largest number of deliveries a second.', 1, 100_000)),
  reason,
};

const change = (path: string, about: string) =>
  portalRoute({
    method: 'POST',
    path: `destinations/:id/${path}`,
    about,
    pathFields,
    body: { reason },
    answer: Destination,
  });

const ofDestinations = {
  eventTypes: portalRoute({
    method: 'GET',
    path: 'event-types',
    about: 'The types of events that destinations may ask for.',
    answer: EventTypes,
  }),
  list: portalRoute({
    method: 'GET',
    path: 'destinations',
    about: 'The destinations of the tenant, in the order in which they were created.',
    query: {
      limit,
      after: optional(uuid(after)),
      status: optional(choice('How they stand.', DESTINATION_STATUSES)),
    },
    answer: DestinationPage,
  }),
  create: portalRoute({
    method: 'POST',
    path: 'destinations',
    about:
      'Adds a destination. The secret that is made for it is shown this once. For v1a the answer has the key with which receivers verify.',
    body: {
      url: URL_FIELD,
      eventTypes: eventTypes('What it asks for.'),
      signing: SIGNING,
      secret: SECRET,
      startFrom: optional(
        time('Delivers what was published since then as well, as far as the log has it. The default is now.'),
      ),
      ...HOW,
      reason,
    },
    answer: DestinationWithSecret,
  }),
  one: portalRoute({
    method: 'GET',
    path: 'destinations/:id',
    about: 'One destination. Of its secrets it shows the versions and times, and of its headers the names.',
    pathFields,
    answer: Destination,
  }),
  update: portalRoute({
    method: 'PATCH',
    path: 'destinations/:id',
    about: 'Changes where and how a destination is sent to. What is left out stays as it is.',
    pathFields,
    body: {
      url: optional(URL_FIELD),
      eventTypes: optional(eventTypes('What it asks for.')),
      ...HOW,
      reason,
    },
    answer: Destination,
  }),
  pause: change('pause', 'Sends nothing more to it until it is resumed.'),
  resume: change('resume', 'Ends a pause, and catches up with what was published meanwhile.'),
  enable: change(
    'enable',
    'Sends to a destination again that was disabled, and catches up with what was published meanwhile.',
  ),
  remove: portalRoute({
    method: 'DELETE',
    path: 'destinations/:id',
    about: 'Removes a destination with its secrets and deliveries.',
    pathFields,
    body: { reason },
    answer: Done,
  }),
  rotateSecret: portalRoute({
    method: 'POST',
    path: 'destinations/:id/rotate-secret',
    about:
      'Gives a destination a new secret, which is shown this once. Until the overlap ends, deliveries are signed with the secrets before it as well.',
    pathFields,
    body: {
      secret: SECRET,
      overlapMs: optional(count('The overlap in milliseconds. After a leak, 0.', 0, WEEK_MS)),
      reason,
    },
    answer: DestinationWithSecret,
  }),
  test: portalRoute({
    method: 'POST',
    path: 'destinations/:id/test',
    about:
      'Sends a signed request with the example of an event at once, and answers what became of it. It is no delivery.',
    pathFields,
    body: { type: TEST_TYPE, reason },
    answer: TestAttempt,
  }),
};

const ofDeliveries = {
  deliveries: portalRoute({
    method: 'GET',
    path: 'destinations/:id/deliveries',
    about: 'What is and was delivered to a destination, the latest events first.',
    pathFields,
    query: {
      limit,
      after: optional(text(after, 60)),
      status: optional(choice('What has become of them.', DELIVERY_STATUSES)),
      type: optional(text('The type of their events.', 255)),
    },
    answer: DeliveryPage,
  }),
  delivery: portalRoute({
    method: 'GET',
    path: 'destinations/:id/deliveries/:position',
    about: 'One delivery with what is sent, and with its attempts.',
    pathFields: placeFields,
    answer: Delivery,
  }),
  redrive: portalRoute({
    method: 'POST',
    path: 'destinations/:id/deliveries/:position/redrive',
    about: 'Sends a delivery again that has ended. One that is pending already stays as it is.',
    pathFields: placeFields,
    body: { reason },
    answer: Delivery,
  }),
};

const ofOperations = {
  planRedrive: portalRoute({
    method: 'POST',
    path: 'destinations/:id/plan-redrive',
    about:
      'Plans to send the dead deliveries of a destination again. It changes nothing until it is run, within ten minutes.',
    pathFields,
    body: WORK,
    answer: Operation,
  }),
  planReplay: portalRoute({
    method: 'POST',
    path: 'destinations/:id/plan-replay',
    about:
      'Plans to deliver the events of a time again, also those that the destination has not got. It changes nothing until it is run, within ten minutes.',
    pathFields,
    body: {
      since: time('Published at this time or later.'),
      until: optional(time('Published before this time. The default is now.')),
      types: optional(eventTypes('Only these. The default is what the destination asks for.')),
      ...WORK,
    },
    answer: Operation,
  }),
  operation: portalRoute({
    method: 'GET',
    path: 'operations/:id',
    about: 'How far an operation has come that was planned here.',
    pathFields: operationFields,
    answer: Operation,
  }),
  run: portalRoute({
    method: 'POST',
    path: 'operations/:id/run',
    about: 'Starts a planned operation. A plan that is old or outgrown is refused with 409.',
    pathFields: operationFields,
    body: { reason },
    answer: Operation,
  }),
  cancel: portalRoute({
    method: 'POST',
    path: 'operations/:id/cancel',
    about: 'Stops an operation. What was sent stays sent.',
    pathFields: operationFields,
    body: { reason },
    answer: Operation,
  }),
};

/** Every route of the portal, by the name of its handler. */
export const PORTAL_ROUTES = { ...ofDestinations, ...ofDeliveries, ...ofOperations };
