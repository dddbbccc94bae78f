/** The ids of the span in which a client was checked out. */
export interface SpanIds {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  /** The flags of a W3C `traceparent`: 1 if it is sampled. */
  readonly traceFlags?: number
}
