import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

type Attributes = Record<string, string | number>

/** One data point of a metric, as OTLP sends it. */
export interface Point {
  readonly attributes: Attributes
  /** Of a sum or a gauge. */
  readonly value: number | undefined
  readonly count: number | undefined
  readonly sum: number | undefined
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
}

export interface LogLine {
  readonly eventName: string
  readonly severityText: string
  readonly body: string
  readonly traceId: string
  readonly spanId: string
  readonly attributes: Attributes
}

/** Takes down what was put up: `onTestFinished`, inside a test. */
export type AtEnd = (takeDown: () => unknown) => void

export interface Receiver {
  readonly url: string
  /** What came last of each metric. */
  readonly metrics: ReadonlyMap<string, { readonly unit: string; readonly points: readonly Point[] }>
  readonly logs: readonly LogLine[]
}

/** Receives OTLP over HTTP in JSON, and keeps what it gets. */
export async function startReceiver(atEnd: AtEnd): Promise<Receiver> {
  const metrics = new Map<string, { unit: string; points: Point[] }>()
  const logs: LogLine[] = []
  const server = createServer(async (request, response) => {
    const body = await json(request)
    for (const metric of below(body, 'resourceMetrics', 'scopeMetrics', 'metrics')) {
      const data = metric.sum ?? metric.gauge ?? metric.histogram ?? {}
      const points = list(data, 'dataPoints').map(readPoint)
      metrics.set(String(metric.name), { unit: String(metric.unit), points })
    }
    for (const record of below(body, 'resourceLogs', 'scopeLogs', 'logRecords')) {
      logs.push({
        eventName: String(record.eventName),
        severityText: String(record.severityText),
        body: String(value(record.body)),
        traceId: String(record.traceId ?? ''),
        spanId: String(record.spanId ?? ''),
        attributes: readAttributes(record),
      })
    }
    response.setHeader('content-type', 'application/json')
    response.end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, metrics, logs }
}

type Data = Record<string, unknown>

function list(data: unknown, name: string): Data[] {
  const found = (data as Data | undefined)?.[name]
  return Array.isArray(found) ? found : []
}

function below(data: unknown, ...path: readonly string[]): Data[] {
  return path.reduce((level: Data[], name) => level.flatMap((one) => list(one, name)), [data as Data])
}

function readPoint(point: Data): Point {
  return {
    attributes: readAttributes(point),
    value: numeric(point.asInt ?? point.asDouble),
    count: numeric(point.count),
    sum: numeric(point.sum),
    bounds: (point.explicitBounds ?? []) as number[],
    counts: ((point.bucketCounts ?? []) as unknown[]).map(Number),
  }
}

function readAttributes(data: Data): Attributes {
  return Object.fromEntries(list(data, 'attributes').map((one) => [one.key, value(one.value)]))
}

function value(data: unknown): string | number {
  const { stringValue, intValue, doubleValue } = data as Data
  return typeof stringValue === 'string' ? stringValue : Number(intValue ?? doubleValue)
}

function numeric(data: unknown): number | undefined {
  return data === undefined ? undefined : Number(data)
}
