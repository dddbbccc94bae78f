import { describe, expect, it } from 'vitest'
import { scopeOptions } from '../../src/guard/scopes.ts'
import { lifeguardSlonikTable } from '../../src/hosts/slonik/options.ts'
import { lifeguardHandlerOptions } from '../../src/http/lifeguard-handler.ts'
import { requestScopeOptions } from '../../src/http/request-scope-options.ts'
import { watchTable } from '../../src/lifeguard.ts'
import { lifeguardOptions } from '../../src/options.ts'
import { instrumentOptions } from '../../src/otel/instrument-options.ts'
import { pageHandlerOptions } from '../../src/page/page-handler.ts'
import { consoleReporterOptions } from '../../src/reporters/console.ts'
import { jsonLinesReporterOptions } from '../../src/reporters/json-lines.ts'
import { leakCheckOptions } from '../../src/testing/leak-check.ts'
import { verifyNoneOptions } from '../../src/testing/verify-options.ts'
import { verifyServiceOptions } from '../../src/testing/verify-service.ts'
import { sessionTimeoutOptions } from '../../src/transactions/session-timeouts.ts'
import { transactionOptions } from '../../src/transactions/transaction.ts'
import { readPage, tableIn } from './page.ts'

const reference = readPage('docs/reference.md')

const { limits, sessionState, tag, timeline } = lifeguardOptions.rows
const tables: readonly [anchor: string, rows: Readonly<Record<string, object>>][] = [
  ['options', lifeguardOptions.rows],
  ['limits', limits.rows],
  ['session-state', sessionState.rows],
  ['tags', tag.rows],
  ['timeline', timeline.rows],
  ['watch-options', watchTable.rows],
  ['slonik', lifeguardSlonikTable.rows],
  ['transaction-options', transactionOptions.rows],
  ['scope-options', scopeOptions.rows],
  ['request-options', requestScopeOptions.rows],
  ['the-handler', lifeguardHandlerOptions.rows],
  ['the-live-page', pageHandlerOptions.rows],
  ['leak-check-options', leakCheckOptions.rows],
  ['verify-options', verifyNoneOptions.rows],
  ['service-options', verifyServiceOptions.rows],
  ['opentelemetry', instrumentOptions.rows],
  ['console-options', consoleReporterOptions.rows],
  ['json-lines-options', jsonLinesReporterOptions.rows],
  ['timeouts', sessionTimeoutOptions.rows],
]

describe.each(tables)('the section %s of the reference', (anchor, rows) => {
  const told = documented(anchor)

  it('has the options in the order of their table, and none besides', () => {
    expect(told.map(([name]) => name)).toEqual(Object.keys(rows).map((name) => `\`${name}\``))
  })

  it('has their defaults', () => {
    for (const [name = '', byDefault = ''] of told) {
      const row = rows[name.replaceAll('`', '')] ?? {}
      const expected =
        Reflect.get(row, 'required') === true ? 'required' : inCode(Reflect.get(row, 'default'))
      // What is made at run time, or depends on something else, is described.
      if (expected === undefined)
        expect(byDefault, name).toMatch(/^(?!required)(?!`(?:\d|'|\[|true|false)).+/)
      else expect(byDefault, name).toBe(expected)
    }
  })
})

it('has a table for every section with options', () => {
  const anchors = reference.headings.map(({ anchor }) => anchor)
  const withOptions = anchors.filter((anchor) => ownText(anchor).includes('| option | default |'))
  expect(withOptions.toSorted()).toEqual(tables.map(([anchor]) => anchor).toSorted())
})

/** The rows of the table of options right under a heading. */
function documented(anchor: string): string[][] {
  const text = ownText(anchor)
  const start = text.indexOf('| option | default |')
  if (start === -1) throw new Error(`#${anchor} has no table of options`)
  return tableIn(text.slice(start).split('\n\n', 1)[0] ?? '')
}

/** Without the sections inside. */
function ownText(anchor: string): string {
  return reference.section(anchor).split(/^#/m, 1)[0] ?? ''
}

/** Nothing for what is no plain value. */
function inCode(value: unknown): string | undefined {
  if (typeof value === 'number') return `\`${String(value).replaceAll(/\B(?=(?:\d{3})+$)/g, '_')}\``
  if (typeof value === 'string') return `\`'${value}'\``
  if (typeof value === 'boolean') return `\`${value}\``
  return Array.isArray(value) && value.length === 0 ? '`[]`' : undefined
}
