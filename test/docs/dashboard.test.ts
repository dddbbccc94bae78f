import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parser } from '@prometheus-io/lezer-promql'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { createLifeguard, manualClock } from '../../src/index.ts'
import { instrumentLifeguard, metricNames } from '../../src/otel/index.ts'
import { startPipeline } from '../otel/pipeline.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { root } from './page.ts'

const db = useDatabase()
const folder = join(root, 'docs/observability')
const dashboard = JSON.parse(readFileSync(join(folder, 'grafana-dashboard.json'), 'utf8')) as Dashboard
const alerts = parse(readFileSync(join(folder, 'alerts.yml'), 'utf8')) as Alerts

interface Dashboard {
  readonly panels: readonly {
    readonly title: string
    readonly targets: readonly { readonly expr: string }[]
  }[]
  readonly templating: { readonly list: readonly { readonly query: unknown }[] }
}

interface Alerts {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string; readonly annotations: object }[]
  }[]
}

const rules = alerts.groups.flatMap((group) => group.rules)
const expressions = [
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
]

/** Metrics and labels that a scrape has, once everything has happened. */
const scraped = { metrics: new Set<string>(), labels: new Set<string>() }

beforeAll(async () => {
  const text = await everything()
  for (const line of text.split('\n')) {
    const [, name, labels = ''] = /^([a-z_]+)(?:\{(.*)\})? /.exec(line) ?? []
    if (name !== undefined) scraped.metrics.add(name)
    for (const [, label = ''] of labels.matchAll(/([a-z_]+)="/g)) scraped.labels.add(label)
  }
})

const takeDowns: (() => unknown)[] = []

afterAll(async () => {
  for (const takeDown of takeDowns) await takeDown()
})

/** A scrape of a pool on which each metric has got a value. */
async function everything(): Promise<string> {
  const pipeline = await startPipeline((takeDown) => takeDowns.push(takeDown))
  const clock = manualClock()
  const guard = createLifeguard({ clock, mode: 'enforce', reporters: [] })
  const pool = new pg.Pool({ ...db.config, max: 1 })
  guard.watch(pool)
  instrumentLifeguard(guard, { meterProvider: pipeline.meterProvider, maxOrigins: 10 })
  const client = await pool.connect()
  Object.assign(pool.options, { connectionTimeoutMillis: 50 })
  await expect(pool.connect()).rejects.toThrow()
  await client.query('BEGIN')
  client.release()
  await eventually(() => expect(pool.idleCount).toBe(1))
  const text = await pipeline.scrape()
  await guard.close()
  await pool.end()
  return text
}

/** `{__name__=~"x(_seconds)?"}` as the exporter of Node.js names it, and Grafana's own variables filled in. */
function plain(expression: string): string {
  return expression
    .replaceAll(/\{__name__=~"(\w+)\(_seconds\)\?(\w*)",?/g, '$1$2{')
    .replaceAll('$__rate_interval', '5m')
    .replaceAll('$__range', '1h')
}

/** The texts of all nodes of a kind. */
function nodes(expression: string, kind: string): string[] {
  const found: string[] = []
  parser.parse(expression).iterate({
    enter: (node) => {
      if (node.type.isError) found.push(`error at ${node.from}`)
      if (node.name === kind) found.push(expression.slice(node.from, node.to))
    },
  })
  return found
}

describe('the dashboard and the alerts', () => {
  it.each(expressions)('%s: is PromQL over metrics and labels that there are', (_title, expression) => {
    const query = plain(expression)
    const metrics = nodes(query, 'Identifier').filter((name) => name !== '')
    expect(metrics.filter((name) => name.startsWith('error'))).toEqual([])
    expect(metrics).not.toEqual([])
    expect(metrics.filter((name) => !scraped.metrics.has(name))).toEqual([])
    const labels = nodes(query, 'LabelName').filter((name) => name !== 'le')
    expect(labels.filter((name) => !scraped.labels.has(name))).toEqual([])
  })

  it('accept the names that a collector gives, too', () => {
    const seconds = [...scraped.metrics].filter((name) => /_(time_bucket|oldest_age)$/.test(name))
    const text = expressions.map(([, expression]) => expression).join('\n')
    expect(seconds).toHaveLength(5)
    for (const name of seconds) {
      const pattern = name.replace(/(_bucket)?$/, '(_seconds)?$1')
      expect(text.includes(`"${pattern}"`)).toBe(true)
      // Never without the alternative.
      expect(new RegExp(`${name}(?![(\\w])`).test(text)).toBe(false)
    }
  })

  it('show every metric', () => {
    const text = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join('\n')
    const names = Object.values(metricNames).map((name) => name.replaceAll('.', '_'))
    expect(names.filter((name) => !text.includes(name))).toEqual([])
  })

  it('fill in labels that their expression keeps', () => {
    for (const { expr, annotations } of rules) {
      const used = [...JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label)
      expect(used.filter((label) => !nodes(plain(expr), 'LabelName').includes(label ?? ''))).toEqual([])
    }
  })

  it('offer the pools that there are', () => {
    const queries = JSON.stringify(dashboard.templating.list.map(({ query }) => query))
    const [, metric = '', label = ''] = /label_values\((\w+), (\w+)\)/.exec(queries) ?? []
    expect(scraped.metrics).toContain(metric)
    expect(scraped.labels).toContain(label)
  })
})
