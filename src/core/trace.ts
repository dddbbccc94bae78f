/** A span, by its ids: where in a trace a client was checked out. */
export interface SpanIds {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  /** As in a W3C `traceparent`: 1 if it is sampled. */
  readonly traceFlags?: number
}
