import type { Attributes, Meter } from '@opentelemetry/api';

/** A gauge of a part of the package. Its value comes from the database. */
export interface PartGauge {
  /** `nestjs_integration.parcels.waiting` */
  readonly name: string;
  readonly description: string;
  /** `s`, or a noun in braces: `{parcel}`. */
  readonly unit: string;
  /** Called at most once in five seconds. */
  read(): Promise<readonly GaugeValue[]>;
}

export interface GaugeValue {
  readonly value: number;
  /** What tells this value from others of the gauge. There must be few of them. */
  readonly attributes?: Attributes | undefined;
}

/** Reports the gauge for as long as the process lives. */
export function observePart(
  meter: Meter,
  { name, description, unit }: PartGauge,
  { ofEngine, read }: { ofEngine: Attributes; read: () => Promise<readonly GaugeValue[] | undefined> },
): void {
  const reported = new Map<string, Attributes | undefined>();
  meter.createObservableGauge(name, { description, unit }).addCallback(async (result) => {
    const values = await read();
    if (values === undefined) return;
    const now = new Map(values.map((each) => [JSON.stringify(each.attributes), each] as const));
    // An SDK repeats the last value of what is gone until the process ends.
    for (const [key, attributes] of reported)
      if (!now.has(key)) result.observe(0, { ...ofEngine, ...attributes });
    for (const [key, { value, attributes }] of now) {
      reported.set(key, attributes);
      result.observe(value, { ...ofEngine, ...attributes });
    }
  });
}
