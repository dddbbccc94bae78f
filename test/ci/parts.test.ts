import { describe, expect, it } from 'vitest'
import { type Entry, isLate, type Module, planParts } from '../../scripts/parts.ts'

const both = ['esm', 'cjs'] as const
const index: Entry = { module: 'index.ts', formats: both }
const express: Entry = { module: 'http/express.ts', formats: both }
const otel: Entry = { module: 'otel/index.ts', formats: both }

/** The modules of a package, by those that each imports; all others are without imports. */
function graphOf(imports: Readonly<Record<string, readonly string[]>>, packages: readonly string[] = []) {
  const names = new Set([...Object.keys(imports), ...Object.values(imports).flat()])
  const module = (name: string): Module => ({
    exports: [`export of ${name}`],
    imports: imports[name] ?? [],
    importsPackages: packages.includes(name),
  })
  return new Map([...names].map((name) => [name, module(name)]))
}

describe('the parts of the package', () => {
  it('are the core of all that `index.ts` needs, and the others with what only they need', () => {
    const graph = graphOf({
      'index.ts': ['core/ledger.ts'],
      'http/express.ts': ['core/ledger.ts', 'invented/reader.ts'],
      'invented/reader.ts': ['text/address.ts'],
    })
    const { parts, partOf, isWholePart } = planParts([index, express], graph)
    expect(partOf('core/ledger.ts')).toBe('pg-lifeguard')
    expect(partOf('invented/reader.ts')).toBe('http')
    expect(partOf('text/address.ts')).toBe('http')
    expect(isWholePart('index.ts')).toBe(false)
    expect(parts).toEqual([
      { name: 'http', exported: ['http/express.ts'], formats: ['cjs'] },
      { name: 'pg-lifeguard', exported: ['core/ledger.ts', 'index.ts'], formats: ['cjs'] },
    ])
  })

  it('leave out of the core what belongs to a host, which it loads when it is used', () => {
    const graph = graphOf({
      'index.ts': ['hosts/knex/knex.ts', 'hosts/knex/shape.ts', 'hosts/pg/pg-pool.ts'],
      'hosts/knex/knex.ts': ['hosts/knex/shape.ts', 'hosts/knex/tarn.ts'],
    })
    const { partOf } = planParts([index], graph)
    expect(['knex/knex', 'knex/tarn'].map((name) => partOf(`hosts/${name}.ts`))).toEqual([
      'hosts/knex',
      'hosts/knex',
    ])
    expect(['knex/shape', 'pg/pg-pool'].map((name) => partOf(`hosts/${name}.ts`))).toEqual([
      'pg-lifeguard',
      'pg-lifeguard',
    ])
    expect(isLate('hosts/knex', 'pg-lifeguard')).toBe(true)
    expect(isLate('pg-lifeguard', 'hosts/knex')).toBe(false)
  })

  it('are published as both kinds of modules only where they import packages', () => {
    const graph = graphOf({ 'index.ts': [], 'otel/index.ts': [] })
    const formats = (packages: readonly string[]) =>
      planParts([index, otel], new Map([...graph, ...graphOf({ 'otel/index.ts': [] }, packages)])).parts.find(
        ({ name }) => name === 'otel/index',
      )?.formats
    expect(formats([])).toEqual(['cjs'])
    expect(formats(['otel/index.ts'])).toEqual(['esm', 'cjs'])
  })

  it('must be named for a module that several of them use', () => {
    const graph = graphOf({
      'index.ts': [],
      'http/express.ts': ['invented/reader.ts'],
      'otel/index.ts': ['invented/reader.ts'],
    })
    expect(() => planParts([index, express, otel], graph)).toThrow(
      'src/invented/reader.ts is used by http, otel/index: add it to one of the parts in scripts/parts.ts',
    )
  })

  it('do not grow the core by another part, nor an entry point by what others use of it', () => {
    expect(() => isLate('http', 'pg-lifeguard')).toThrow('the core would load the part http')
    const graph = graphOf({
      'index.ts': [],
      'http/express.ts': ['otel/names.ts'],
      'otel/index.ts': ['otel/names.ts'],
    })
    expect(() => planParts([index, express, otel], graph)).toThrow(
      'the part otel/index would export more than its entry point: otel/index.ts, otel/names.ts',
    )
  })
})
