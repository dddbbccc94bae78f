import * as conventions from '@opentelemetry/semantic-conventions/incubating'
import { describe, expect, it } from 'vitest'
import { attributeNames, eventNames, metricNames } from '../../src/otel/index.ts'
import { readPage } from '../docs/page.ts'

const names = [attributeNames, eventNames, metricNames].flatMap((some) => Object.values<string>(some))
const conventional = new Set<unknown>(Object.values(conventions))

describe('names', () => {
  it('are those of the semantic conventions, or our own', () => {
    const own = names.filter((name) => name.startsWith('pg_lifeguard.'))
    expect(names.filter((name) => !conventional.has(name))).toEqual(own)
  })

  it('are in the documentation', () => {
    const { text } = readPage('docs/observability.md')
    expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([])
  })

  it('of the conventions for pools are complete', () => {
    const wanted = Object.entries(conventions)
      .filter(([key]) => /^METRIC_DB_CLIENT_CONNECTION_(?!MAX$)/.test(key))
      .map(([, name]) => name)
    expect(wanted.filter((name) => !names.includes(String(name)))).toEqual([])
  })
})
