import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { onTestFinished } from 'vitest'
import { type AtEnd, type LogLine, type Point, startReceiver } from './receiver.ts'

/** The SDK with its exporters, and what came out at the other end. */
export interface Pipeline {
  readonly meterProvider: MeterProvider
  readonly loggerProvider: LoggerProvider
  /** Exports what there is now. The points of a metric, by the name of the pool and, where there is one, one more attribute. */
  metrics(): Promise<ReadonlyMap<string, Metric>>
  logs(): Promise<readonly LogLine[]>
  /** What Prometheus would read. */
  scrape(): Promise<string>
}

export interface Metric {
  readonly unit: string
  /** The only point with these attributes; undefined without one. */
  point(attributes: Record<string, string>): Point | undefined
  readonly points: readonly Point[]
}

export async function startPipeline(
  atEnd: AtEnd = (takeDown) => onTestFinished(async () => void (await takeDown())),
): Promise<Pipeline> {
  const receiver = await startReceiver(atEnd)
  const prometheus = new PrometheusExporter({ preventServerStart: true })
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url: `${receiver.url}/v1/metrics` }),
    exportIntervalMillis: 3_600_000,
  })
  const meterProvider = new MeterProvider({ readers: [reader, prometheus] })
  const loggerProvider = new LoggerProvider({
    processors: [
      new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url: `${receiver.url}/v1/logs` }) }),
    ],
  })
  const server = createServer((request, response) => prometheus.getMetricsRequestHandler(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  atEnd(async () => {
    await meterProvider.shutdown()
    await loggerProvider.shutdown()
    server.closeAllConnections()
    server.close()
  })
  return {
    meterProvider,
    loggerProvider,
    async metrics() {
      await meterProvider.forceFlush()
      return new Map(
        [...receiver.metrics].map(([name, { unit, points }]) => [
          name,
          { unit, points, point: (attributes) => onlyPoint(points, attributes) },
        ]),
      )
    },
    async logs() {
      await loggerProvider.forceFlush()
      return receiver.logs
    },
    async scrape() {
      return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    },
  }
}

function onlyPoint(points: readonly Point[], attributes: Record<string, string>): Point | undefined {
  const found = points.filter((point) =>
    Object.entries(attributes).every(([name, value]) => point.attributes[name] === value),
  )
  if (found.length > 1) throw new Error(`${found.length} points have ${JSON.stringify(attributes)}`)
  return found[0]
}
