import { join } from 'node:path'
import ts from 'typescript'
import { beforeAll, describe, expect, it } from 'vitest'
import * as lifeguard from '../../src/index.ts'
import { findingKinds, LifeguardError, sessionTimeouts } from '../../src/index.ts'
import { resolveOptions } from '../../src/options.ts'
import { entryPoints } from './entry-points.ts'
import { readPage, root, tableIn } from './page.ts'

const guide = readPage('docs/guide.md')
const reference = readPage('docs/reference.md')
const findings = readPage('docs/findings.md')

/** Whose members the documentation explains one by one. */
const explained = [
  ...[
    'LifeguardOptions',
    'Limits',
    'WatchOptions',
    'TransactionOptions',
    'SessionTimeouts',
    'PoolTimeoutOptions',
  ],
  ...[
    'ConsoleReporterOptions',
    'JsonLinesReporterOptions',
    'LoggerLike',
    'Reporter',
    'Lifeguard',
    'LifeguardEvents',
  ],
  ...[
    'Finding',
    'CheckoutData',
    'Origin',
    'Snapshot',
    'PoolSnapshot',
    'Session',
    'FindingReference',
    'ManualClock',
  ],
  ...['Scopes', 'ScopeOptions', 'ScopeData', 'ScopeContext', 'CurrentScope', 'OpenScope'],
]

describe('what the package exports', () => {
  let exported = new Map<string, string[]>()

  beforeAll(() => {
    exported = readExports()
  }, 60_000)

  it('is named in the reference', () => {
    expect([...exported.keys()].filter((name) => !namedIn(reference.text, name))).toEqual([])
  })

  it('is what the reference names, and nothing that is gone', () => {
    const named = [...reference.text.matchAll(/`([A-Z][a-z]+[A-Z]\w+)`/g)].map(([, name = '']) => name)
    expect(named.filter((name) => !exported.has(name))).toEqual([])
  })

  it('has errors, each with its code', () => {
    const told = tableIn(reference.section('errors')).map(([name = '', code = '']) => `${name} ${code}`)
    const errors = Object.values(lifeguard).filter((value) => isErrorClass(value))
    const thrown = errors.map(
      (error) => Reflect.construct(error, [{ id: 'f1', kind: 'long-hold' }]) as LifeguardError,
    )
    expect(told.toSorted()).toEqual(thrown.map(({ name, code }) => `\`${name}\` \`${code}\``).toSorted())
  })

  it('has members, each of which is named in the reference or the guide', () => {
    const missing = explained.flatMap((type) => {
      const members = exported.get(type) ?? ['(not exported)']
      return members
        .filter((member) => !namedIn(reference.text, member) && !namedIn(guide.text, member))
        .map((member) => `${type}.${member}`)
    })
    expect(missing).toEqual([])
  })

  it('is read by this test as TypeScript has it', () => {
    expect(exported.get('Limits')).toEqual(Object.keys(resolveOptions().limits))
    expect(exported.has('createLifeguard')).toBe(true)
    expect(namedIn('`lifeguard.watch(pool)`', 'watch')).toBe(true)
    expect(namedIn('watch the pool; `unwatch`', 'watch')).toBe(false)
  })
})

describe('the guide', () => {
  const { remedies, mode, queryText } = resolveOptions({ mode: 'enforce' })

  it('has the defaults of the limits', () => {
    const told = tableIn(guide.section('options')).flatMap(([name = '', millis = '']) => {
      const limit = /^`limits\.(\w+)`$/.exec(name)?.[1]
      return limit === undefined ? [] : [[limit, numberIn(millis)]]
    })
    expect(Object.fromEntries(told)).toEqual(resolveOptions().limits)
  })

  it('has the defaults of the other options', () => {
    const told = new Map(tableIn(guide.section('options')).map(([name, value]) => [name, value]))
    expect(told.get('`mode`')).toBe(`\`'${resolveOptions().mode}'\``)
    expect(told.get('`queryText`')).toBe(`\`'${queryText}'\``)
    expect(mode).toBe('enforce')
  })

  it('has the kinds in their order, each with its link, its certainty and its remedy', () => {
    const told = tableIn(guide.section('findings-and-remedies'))
    expect(told.map(([kind]) => kind)).toEqual(findingKinds.map((kind) => `[${kind}](findings.md#${kind})`))
    expect(told.map(([, , , remedy]) => remedy)).toEqual(findingKinds.map((kind) => `\`${remedies[kind]}\``))
    // That page is checked against what is really found.
    const certainties = findingKinds.map((kind) => tableIn(findings.section(kind))[0]?.[0])
    expect(told.map(([, , certainty]) => certainty)).toEqual(certainties)
  })

  it('has the timeouts and their defaults', () => {
    const told = tableIn(guide.section('doing-it-right-by-construction')).map(
      ([, millis = '', option = '']) => [option.replaceAll('`', ''), numberIn(millis)],
    )
    expect(Object.fromEntries(told)).toEqual(sessionTimeouts())
  })
})

/** The exports of the package and its entry points, with the names of their members where they are interfaces. */
function readExports(): Map<string, string[]> {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, { ...ts.sys, readDirectory: () => [] }, root)
  const rootNames = [...entryPoints.values()]
  // The types of Node.js are most of the work, and none of the names.
  const program = ts.createProgram({ rootNames, options: { ...options, types: [] } })
  const checker = program.getTypeChecker()
  const exported = new Map<string, string[]>()
  for (const entryPoint of rootNames) {
    const file = program.getSourceFile(entryPoint)
    const symbol = file === undefined ? undefined : checker.getSymbolAtLocation(file)
    if (symbol === undefined) throw new Error(`${entryPoint} exports nothing`)
    for (const one of checker.getExportsOfModule(symbol)) {
      const real = one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one
      const members =
        real.flags & ts.SymbolFlags.Interface ? checker.getDeclaredTypeOfSymbol(real).getProperties() : []
      exported.set(
        one.name,
        members.map(({ name }) => name).filter((name) => !name.startsWith('__@')),
      )
    }
  }
  return exported
}

function isErrorClass(value: unknown): value is new () => LifeguardError {
  return typeof value === 'function' && value.prototype instanceof LifeguardError
}

/** As a word in code, alone or as part of a longer piece, such as a call. */
function namedIn(text: string, name: string): boolean {
  const word = new RegExp(`(?<![\\w$])${name}(?![\\w$])`)
  return [...text.matchAll(/`([^`\n]+)`/g)].some(([, code = '']) => word.test(code))
}

function numberIn(cell: string): number {
  return Number(cell.replaceAll(/[`_]/g, ''))
}
